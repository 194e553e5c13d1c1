"""All viewers of a server share its console, and its end is told to all of them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.contract.conftest import Member
from tests.processes import Provider
from tests.provider.console.watching import Watcher, console_of, watch

STOPPED = (4410, "the server stopped")


def test_what_one_types_all_see(owner: Member, vm: int) -> None:
    with watch(owner, vm) as one, watch(owner, vm) as other:
        one.log_in()
        other.until("# ")
        other.type("echo from the other\r")
        one.until("echo from the other\r\nfrom the other\r\n")
        one.type("echo from one\r")
        other.until("echo from one\r\nfrom one\r\n")


def test_who_comes_later_sees_what_was_printed_last(owner: Member, vm: int) -> None:
    with watch(owner, vm) as first:
        first.log_in()
        first.run("echo before")
        with watch(owner, vm) as second:
            shown = second.until("before\r\nroot@web1:~# ")
            assert "Linux version" in shown
            assert shown.count("\r\nbefore\r\n") == 1
    # For a while a console stays open without a viewer.
    with watch(owner, vm) as third:
        third.until("before\r\nroot@web1:~# ")
        assert third.run("echo again") == "again"


def test_what_was_typed_last_is_typed_when_the_viewer_has_left(owner: Member, vm: int) -> None:
    with watch(owner, vm) as leaving:
        leaving.log_in()
        for number in range(20):
            leaving.type(f"echo {number}\r")
    with watch(owner, vm) as viewer:
        viewer.until("echo 19\r\n19\r\n")


def test_consoles_of_two_servers_are_apart(owner: Member, vm: int) -> None:
    other_vm = owner.new_vm(hostname="web2")
    with watch(owner, vm) as one, watch(owner, other_vm) as other:
        one.log_in()
        other.log_in()
        assert one.run("hostname") == "web1"
        assert other.run("hostname") == "web2"
        assert b"web1" not in other.seen


def test_text_frames_are_not_typed(owner: Member, vm: int) -> None:
    with watch(owner, vm) as viewer:
        viewer.log_in()
        for text in ('{"resize": [120, 40]}', "echo no JSON\r", "[]", ""):
            viewer.connection.send(text)
        viewer.connection.send(b"")
        assert viewer.run("echo typed") == "typed"


def test_frame_that_is_too_large_ends_the_connection_alone(owner: Member, vm: int) -> None:
    with watch(owner, vm) as one, watch(owner, vm) as other:
        other.log_in()
        other.type("\r" * (64 * 1024))
        assert other.run("hostname") == "web1"
        one.connection.send(b"x" * (64 * 1024 + 1))
        assert one.closed()[0] == 1009
        assert other.run("hostname") == "web1"


def test_stop_by_the_api_closes_all_viewers(owner: Member, vm: int) -> None:
    with watch(owner, vm) as one, watch(owner, vm) as other:
        one.until("login: ")
        owner.done(owner.vm_stop(vm))
        assert one.closed() == STOPPED
        assert other.closed() == STOPPED


def test_server_that_stops_before_the_connection_closes_it(owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    owner.done(owner.vm_stop(vm))
    with Watcher(url) as viewer:
        assert viewer.closed() == STOPPED


def test_console_works_again_after_the_next_start(owner: Member, vm: int) -> None:
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
        owner.done(owner.vm_stop(vm))
        assert viewer.closed() == STOPPED
    owner.done(owner.vm_start(vm))
    with watch(owner, vm) as viewer:
        viewer.log_in()


@contextmanager
def switched(provider: Provider, vm_id: int, switch: str) -> Iterator[None]:
    """Have the host of a VM behave as the switch says meanwhile."""
    host = f"from hosting.provider.models import *\nhost = Host.objects.filter(vms={vm_id})\n"
    provider.shell(f"{host}host.update(uri={switch!r})")
    try:
        yield
    finally:
        provider.shell(f"{host}host.update(uri='')")
        # A look at the host that was under way may still end badly.
        time.sleep(0.5)
        deadline = time.monotonic() + 20
        while provider.shell(f"{host}print(host.get().state)").strip() != "active":
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_host_that_does_not_answer_closes_with_its_own_code(provider: Provider, owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    with switched(provider, vm, "simulated:away"), Watcher(url) as viewer:
        assert viewer.closed() == (4503, "the host does not answer")


def test_fault_of_the_driver_is_logged_and_told_without_its_text(provider: Provider, owner: Member, vm: int) -> None:
    url = console_of(owner, vm)
    with switched(provider, vm, "simulated:breaks"), Watcher(url) as viewer:
        assert viewer.closed() == (1011, "internal error")
    assert f"The console of VM {vm} failed" in (provider.directory / "console.log").read_text()
