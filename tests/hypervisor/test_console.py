"""The console of a real guest, from the API's ticket to its serial line."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.hypervisor.world import LIMIT_S, PASSWORD, World
from tests.processes import Process
from tests.provider.console.watching import Watcher, watch

# Longer than keepalives wait for a silent daemon.
SILENT_S = 35


@pytest.fixture(scope="module")
def console(world: World) -> Iterator[Process]:
    process = world.provider.start_console()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def vm(world: World, console: Process) -> Iterator[int]:
    vm_id = world.customer.begin_vm("serial")
    world.customer.created(vm_id)
    yield vm_id
    world.customer.removed(vm_id)


def fresh(viewer: Watcher) -> None:
    """Forget what was printed before, and have the guest say its prompt again: it does so for who presses Enter."""
    with suppress(TimeoutError):
        while True:
            viewer.connection.recv(1)
    viewer.seen = b""
    viewer.type("\r")


def test_root_logs_in_with_the_password_of_vm_create_and_viewers_share_it(world: World, vm: int) -> None:
    with watch(world.customer, vm) as one, watch(world.customer, vm) as other:
        fresh(one)
        one.until("login: ", 60)
        one.type("root\r")
        one.until("Password: ")
        one.type(f"{PASSWORD}\r")
        one.until("# ", 60)
        assert one.run("hostname") == "serial"
        other.until("hostname\r\nserial\r\n")
        assert PASSWORD.encode() not in other.seen
        other.type("exit\r")
        one.until("login: ", 60)


def test_much_output_comes_whole(world: World, vm: int) -> None:
    with watch(world.customer, vm) as viewer:
        fresh(viewer)
        viewer.log_in(password=PASSWORD)
        shown = viewer.run("seq 1 20000; echo the-$((1+1))nd", "the-2nd")
        assert [int(number) for number in shown.split()] == list(range(1, 20001))
        viewer.type("exit\r")
        viewer.until("login: ", 60)


def test_reboot_keeps_the_viewer_and_shows_itself(world: World, vm: int) -> None:
    with watch(world.customer, vm) as viewer:
        fresh(viewer)
        viewer.until("login: ", 60)
        world.customer.done(world.customer.vm_reboot(vm))
        viewer.until("login: ", 120)


def answers_again(viewer: Watcher) -> None:
    """Press Enter until the guest asks for a login: what is typed while a console is lost is lost with it."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        fresh(viewer)
        with suppress(AssertionError):
            viewer.until("login: ", 5)
            return
    raise AssertionError("the console says nothing any more")


def test_daemon_that_is_started_anew_does_not_end_the_console(world: World, vm: int) -> None:
    with watch(world.customer, vm) as viewer:
        answers_again(viewer)
        os.kill(world.hypervisor.libvirtd(), signal.SIGKILL)
        answers_again(viewer)


def test_guest_that_takes_no_input_is_typed_to_again_when_it_does(world: World, vm: int) -> None:
    [qemu] = world.hypervisor.guests(f"{world.name(vm)},")
    with watch(world.customer, vm) as viewer:
        answers_again(viewer)
        os.kill(qemu, signal.SIGSTOP)
        try:
            pasting = threading.Thread(target=viewer.connection.send, args=(b" " * 60_000,), daemon=True)
            pasting.start()
            # The daemon reads nothing more of this connection meanwhile, so its keepalives end it.
            time.sleep(SILENT_S)
        finally:
            os.kill(qemu, signal.SIGCONT)
        answers_again(viewer)


def test_host_that_falls_silent_closes_the_console(world: World, vm: int) -> None:
    libvirtd = world.hypervisor.libvirtd()
    with watch(world.customer, vm) as viewer:
        answers_again(viewer)
        os.kill(libvirtd, signal.SIGSTOP)
        try:
            assert viewer.closed(SILENT_S + 30) == (4503, "the host does not answer")
        finally:
            os.kill(libvirtd, signal.SIGCONT)
    with watch(world.customer, vm) as viewer:
        answers_again(viewer)


def test_poweroff_inside_closes_the_console(world: World, vm: int) -> None:
    with watch(world.customer, vm) as viewer:
        fresh(viewer)
        viewer.log_in(password=PASSWORD)
        viewer.type("poweroff\r")
        assert viewer.closed(60) == (4410, "the server stopped")
    world.customer.until(vm, "halted", 20)
    world.customer.done(world.customer.vm_start(vm))
