"""Consoles through the real web server, the console process and the provider."""

import contextlib
import re
import signal
import socket
import time
import urllib.error
import urllib.request

import psutil
import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed

from tests.console.panel import NO_SERVER, SERVER, STOPPED_SERVER, Panel
from tests.processes import Provider

# Printed without end, and told to read nothing any more (tests/provider/console/flooding.py).
FLOOD, DEAF = "\x01", "\x06"
INTERRUPT = "\x03"


def page(panel: Panel, path: str = "") -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{panel.port}/accounts/{panel.account}/servers/{SERVER}/console/{path}",
        headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={panel.session}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def memory_mb(panel: Panel) -> float:
    return float(psutil.Process(panel.console.popen.pid).memory_info().rss / 2**20)


def test_what_is_typed_reaches_the_guest_and_comes_back(panel: Panel) -> None:
    with panel.watch() as one, panel.watch() as two:
        one.until("connected").until("login: ")
        two.until("connected").until("login: ")
        one.type("root\r")
        two.until("Password: ")
        two.type("any-pass-1\r")
        one.until("# ")
        one.type("echo both see this\r")
        two.until("both see this\r\nroot@")
        one.type("exit\r")
        one.until("logout")
    left = panel.until_closed(2)
    assert [entry["reason"] for entry in left] == ["left", "left"]
    assert {entry["who"] for entry in left} == {panel.email}


def test_only_the_panels_own_pages_open_a_console(panel: Panel) -> None:
    before = len(panel.entries())
    for origin in ("https://elsewhere.example", f"https://127.0.0.1:{panel.port}", "null", None):
        assert panel.refusal(Origin=origin) == 403, origin
    assert panel.refusal(Cookie=None) == 302
    assert panel.refusal(Cookie=f"{settings.SESSION_COOKIE_NAME}=of-somebody-else") == 302
    assert len(panel.entries()) == before


def test_open_consoles_hold_no_thread_of_the_web_server_and_outlive_it(panel: Panel) -> None:
    with contextlib.ExitStack() as leaving:
        watchers = [leaving.enter_context(panel.watch()) for _ in range(10)]
        for watcher in watchers:
            watcher.until("connected")
        assert panel.refusal() == 429
        assert page(panel, "ws") == (426, "too_many")
        status, text = page(panel)
        assert (status, "Connect again" in text) == (200, True)
        panel.web.kill(signal.SIGTERM)
        watchers[0].type("\r")
        watchers[9].until("login: ")
        panel.web.start()
        panel.web.wait_for_port(panel.port)
    assert len(panel.until_closed(10)) == 10


@pytest.mark.parametrize(
    ("server", "end"), [(STOPPED_SERVER, (4410, "stopped")), (NO_SERVER, (4404, "gone"))], ids=["stopped", "gone"]
)
def test_end_says_why_there_is_no_console(panel: Panel, server: int, end: tuple[int, str]) -> None:
    with panel.watch(server) as watcher:
        assert watcher.closed() == end
    assert panel.until_closed(1)[0]["reason"] == end[1]


def test_provider_that_does_not_answer_is_named(panel: Panel, provider: Provider) -> None:
    with provider.faults("sharedeck.console:drop_before"), panel.watch() as watcher:
        assert watcher.closed() == (4504, "no_answer")
    panel.run("from hosting.accounts.models import Endpoint; Endpoint.objects.update(away_since=None)")


def test_account_whose_credentials_do_not_work_opens_no_console(panel: Panel) -> None:
    panel.run("from hosting.accounts.models import Account; Account.objects.update(trouble='credentials')")
    with panel.watch() as watcher:
        assert watcher.closed() == (4401, "credentials")
    panel.run("from hosting.accounts.models import Account; Account.objects.update(trouble='')")


def test_endpoint_whose_consoles_are_at_another_host_is_not_followed(panel: Panel) -> None:
    change = "from hosting.accounts.models import Endpoint; Endpoint.objects.update(url={!r})"
    panel.run(change.format(panel.provider.url.replace("127.0.0.1", "localhost")))
    with panel.watch() as watcher:
        assert watcher.closed() == (4502, "refused")
    panel.run(change.format(panel.provider.url))
    assert "see CONSOLE_HOSTS" in panel.console.log.read_text()


def test_console_at_which_nobody_types_is_closed(panel: Panel) -> None:
    with panel.watch() as watcher, panel.watch() as typing:
        began = time.monotonic()
        while time.monotonic() - began < 5:
            typing.type(" ")
            time.sleep(0.5)
        assert watcher.closed() == (4408, "idle")
        assert time.monotonic() - began > 5
        typing.type("\r")
        typing.until("login: ")


def test_message_that_is_too_large_ends_the_console(panel: Panel) -> None:
    with panel.watch() as watcher:
        watcher.until("connected")
        watcher.connection.send(b"x" * (64 * 1024 + 1))
        assert watcher.closed()[0] == 1009


def test_flood_of_a_guest_does_not_grow_the_process_nor_hold_others_up(panel: Panel) -> None:
    with panel.watch() as stalled, panel.watch() as reading:
        stalled.until("connected")
        reading.until("connected")
        before = memory_mb(panel)
        reading.type(FLOOD)
        taken, deadline = 0, time.monotonic() + 4
        while time.monotonic() < deadline:
            message = reading.connection.recv(5)
            taken += len(message)
        assert taken > 2**20
        assert memory_mb(panel) - before < 8
        reading.type(INTERRUPT)
        reading.until("done ", 30)


def test_flood_of_a_browser_does_not_grow_the_process(panel: Panel) -> None:
    with panel.watch() as watcher:
        watcher.until("connected")
        before = memory_mb(panel)
        watcher.type(DEAF)
        # What the system itself keeps for the connections is not the process's.
        raw = watcher.connection.socket
        raw.settimeout(1)
        frame = b"\x82\xfe\xff\x00" + b"\x00" * 4 + b"x" * 0xFF00
        sent = 0
        with contextlib.suppress(TimeoutError, ConnectionClosed, OSError):
            while sent < 200 * 2**20:
                sent += raw.send(frame)
        assert sent < 200 * 2**20, "nothing slowed the browser down"
        assert memory_mb(panel) - before < 8
        raw.shutdown(socket.SHUT_RDWR)


def test_people_are_told_when_the_process_ends_and_let_in_when_it_is_back(panel: Panel) -> None:
    with panel.watch() as watcher:
        watcher.until("connected")
        began = time.monotonic()
        panel.console.popen.send_signal(signal.SIGTERM)
        assert watcher.closed() == (1012, "restart")
        assert panel.console.popen.wait(timeout=10) == 0
        assert time.monotonic() - began < 6
    assert panel.until_closed(1)[0]["reason"] == "restart"
    assert not panel.socket.exists()
    assert panel.refusal() == 503
    assert page(panel, "ws") == (426, "unavailable")
    panel.console.start()
    panel.wait_for_console()
    with panel.watch() as watcher:
        watcher.until("connected")


def test_visits_to_a_process_that_was_killed_end_in_the_audit_log(panel: Panel) -> None:
    with panel.watch() as watcher:
        watcher.until("connected")
        panel.console.kill()
        assert watcher.closed()[0] == 1006
    assert panel.entries()[-1]["action"] == "console.opened"
    panel.console.start()
    panel.wait_for_console()
    sweep = "from hosting.viewings.lifecycle import sweep; sweep()"
    deadline = time.monotonic() + 15
    while panel.entries()[-1]["action"] == "console.opened":
        panel.run(sweep)
        assert time.monotonic() < deadline
        time.sleep(0.2)
    closed = panel.entries()[-1]
    assert (closed["action"], closed["reason"], closed["who"]) == ("console.closed", "lost", panel.email)


def test_socket_is_for_this_user_alone_and_secrets_are_in_no_log(panel: Panel) -> None:
    assert panel.socket.stat().st_mode & 0o777 == 0o600
    for log in (panel.web.log, panel.console.log):
        text = log.read_text()
        assert panel.session not in text
        assert not re.search(r"/console/[\w-]{43}", text)
        assert "Traceback" not in text
