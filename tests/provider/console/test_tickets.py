"""Tickets: who gets one for which VM, and that each lets one connection in, in time."""

import socket
import time
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.conftest import PASSWORD, Member
from tests.processes import Process, Provider
from tests.provider.console.watching import Watcher, console_of, refusal, watch

FORBIDDEN = (403, b"This ticket is not valid.\n")


def base(provider: Provider) -> str:
    return f"127.0.0.1:{provider.env['PROVIDER_CONSOLE_PORT']}"


def test_ticket_is_good_for_half_a_minute(provider: Provider, owner: Member, vm: int) -> None:
    before = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    answer = getattr(owner, "sharedeck.console")(vm)
    assert set(answer) == {"url", "expires"}
    assert answer["url"].startswith(f"ws://{base(provider)}/console/")
    expires = datetime.strptime(answer["expires"].value, "%Y%m%dT%H:%M:%S")  # noqa: DTZ007 (the wire has no zone)
    assert before + timedelta(seconds=30) <= expires <= before + timedelta(seconds=35)


def test_ticket_lets_one_connection_in(owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    with Watcher(url) as viewer:
        viewer.until("login: ")
        assert refusal(url) == FORBIDDEN
    assert refusal(url) == FORBIDDEN


def test_of_two_connections_at_once_one_gets_in(owner: Member, vm: int) -> None:
    url = console_of(owner, vm)

    def attempt(_: int) -> bool:
        try:
            assert refusal(url) == FORBIDDEN
        except AssertionError:
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(8))) == 1


def test_expired_and_unknown_tickets_get_the_answer_of_used_ones(provider: Provider, owner: Member, vm: int) -> None:
    issued = provider.shell(
        "from hosting.provider.console import tickets; "
        f"print(*(tickets.issue({vm}, '{owner.handle}', seconds=1)[0] for _ in range(2)))"
    ).split()
    with Watcher(f"ws://{base(provider)}/console/{issued[0]}"):
        time.sleep(1.2)
    for ticket in (issued[1], "unknown", "", "x" * 43, "x" * 1000, f"{issued[1]}/", "%00", "é"):
        assert refusal(f"ws://{base(provider)}/console/{ticket}") == FORBIDDEN


def test_ticket_of_a_vm_that_was_lost_meanwhile_is_no_good(owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    owner.done(owner.vm_stop(vm))
    owner.done(owner.vm_delete(vm))
    assert refusal(url) == FORBIDDEN


def test_another_handles_vm_and_missing_ones_are_refused(
    provider: Provider, owner: Member, vm: int, handles: Iterator[str]
) -> None:
    stranger = Member(provider.url, next(handles))
    assert stranger.code("sharedeck.console", vm) == 580150
    assert owner.code("sharedeck.console", 2**31 - 1) == 580140
    assert owner.code("sharedeck.console", "web1") == 580110
    owner.session = "gone"
    assert owner.code("sharedeck.console", vm) == 510240


def test_vm_that_does_not_run_has_no_console(owner: Member, vm: int) -> None:
    owner.done(owner.vm_stop(vm))
    assert owner.code("sharedeck.console", vm) == 580160


def test_session_in_safe_mode_gets_no_ticket(provider: Provider, owner: Member, vm: int) -> None:
    careful = Member(provider.url, owner.handle, PASSWORD, safe=True)
    assert careful.code("sharedeck.console", vm) == 510250


def test_it_is_listed_and_no_change(provider: Provider, owner: Member, vm: int) -> None:
    assert "sharedeck.console" in str(owner.proxy.system.listMethods())
    assert owner.proxy.system.methodSignature("sharedeck.console") == [["struct", "string", "int"]]
    assert "ticket" in str(owner.proxy.system.methodHelp("sharedeck.console"))
    with pytest.raises(xmlrpc.client.Fault) as refused:
        owner.proxy.sharedeck.once(owner.session, "key-of-a-console", "sharedeck.console", [vm])
    assert refused.value.faultCode == 520040


def test_tickets_and_what_is_typed_are_in_no_log_and_no_key_of_redis(
    provider: Provider, console: Process, owner: Member, vm: int
) -> None:
    url = console_of(owner, vm)
    ticket = url.rpartition("/")[2]
    keys = provider.shell(
        "from hosting.provider.console import tickets; print(tickets._redis.keys('*console:*'), "
        "[tickets._redis.get(key) for key in tickets._redis.keys('*console:*')])"
    )
    assert "console:" in keys
    with Watcher(url) as viewer:
        viewer.log_in(password="typed-at-a-console")
    refusal(url)
    # As proxies and people do it, not as a WebSocket.
    for request in (f"GET /console/{ticket} HTTP/1.0\r\n\r\n", f"POST /console/{ticket} HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", int(provider.env["PROVIDER_CONSOLE_PORT"]))) as raw:
            raw.sendall(request.encode())
            raw.recv(1000)
    logs = "".join(file.read_text(errors="replace") for file in provider.directory.glob("*.log"))
    assert f"{owner.handle} opened the console of VM {vm}" in logs
    for place in (logs, keys):
        assert ticket not in place
        assert "typed-at-a-console" not in place


def test_other_addresses(provider: Provider, console: Process) -> None:
    with urllib.request.urlopen(f"http://{base(provider)}/health") as answer:
        assert (answer.status, answer.read()) == (200, b"ok")
    with pytest.raises(urllib.error.HTTPError) as missing:
        urllib.request.urlopen(f"http://{base(provider)}/")
    assert missing.value.code == 404


def test_plain_request_leaves_the_ticket_as_it_is(provider: Provider, owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url.replace("ws:", "http:"))
    assert refused.value.code == 426
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
    with Watcher(url) as viewer:
        viewer.until("login: ")
