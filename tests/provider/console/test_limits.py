"""No viewer and no guest holds others up, and none costs memory without end."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from tests.contract.conftest import Member
from tests.processes import Process, Provider
from tests.provider.console.watching import Watcher, console_of, refusal, watch

FOR_EVER, FIFTY_MB, DEAF = "\x01", "\x02", "\x06"
# What a viewer may be behind, what waits in buffers of the system on both sides, and some.
MOST_MB = 20


def memory_mb(process: Process) -> float:
    return float(psutil.Process(process.popen.pid).memory_info().rss) / 2**20


def slowest_echo_s(viewer: Watcher, times: int) -> float:
    slowest = 0.0
    for number in range(times):
        began = time.monotonic()
        assert viewer.run(f"echo {number}") == str(number)
        slowest = max(slowest, time.monotonic() - began)
    return slowest


class Reading(threading.Thread):
    """Takes all that a viewer is shown, as fast as it comes, until a text."""

    def __init__(self, viewer: Watcher, text: str) -> None:
        super().__init__(daemon=True)
        self._viewer, self._text = viewer, text
        self.shown = ""

    def run(self) -> None:
        self.shown = self._viewer.until(self._text, 90)


@pytest.fixture
def quiet(owner: Member) -> Iterator[Watcher]:
    """A viewer of another server, logged in."""
    with watch(owner, owner.new_vm(hostname="quiet")) as viewer:
        viewer.log_in()
        yield viewer


def test_flood_of_one_guest_leaves_others_their_echo(console: Process, owner: Member, vm: int, quiet: Watcher) -> None:
    before = memory_mb(console)
    with watch(owner, vm) as flooded:
        flooded.until("login: ")
        reading = Reading(flooded, " s\r\n")
        reading.start()
        flooded.type(FIFTY_MB)
        while reading.is_alive():
            assert slowest_echo_s(quiet, 1) < 1
            assert memory_mb(console) < before + MOST_MB
        assert f"done {50 * 2**20} in" in reading.shown


def test_slow_viewer_misses_output_and_nobody_else_waits(
    console: Process, owner: Member, vm: int, quiet: Watcher
) -> None:
    with watch(owner, vm) as slow, watch(owner, vm) as quick:
        slow.until("login: ")
        quick.until("login: ")
        before = memory_mb(console)
        reading = Reading(quick, " s\r\n")
        reading.start()
        # Whoever types this takes none of what it leads to.
        slow.type(FIFTY_MB)
        while reading.is_alive():
            assert slowest_echo_s(quiet, 1) < 1
            assert memory_mb(console) < before + MOST_MB
        # What is missing is said, and the end is there.
        shown = slow.until(" s\r\n", 30)
        assert "[output skipped" in shown
        assert len(shown) < 25 * 2**20
        slow.type("root\r")
        slow.until("Password: ")


def test_ctrl_c_is_heard_during_a_flood(owner: Member, vm: int) -> None:
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
        viewer.type(FOR_EVER)
        viewer.until("0123456789abcde\n" * 1000)
        began = time.monotonic()
        viewer.type("\x03")
        viewer.until("login: ")
        assert time.monotonic() - began < 5


def test_guest_that_takes_no_input_holds_up_those_who_type_into_it_alone(
    console: Process, owner: Member, vm: int, quiet: Watcher
) -> None:
    before = memory_mb(console)
    pasted = []
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
        viewer.type(DEAF)

        def paste() -> None:
            with suppress(ConnectionClosed):
                while True:
                    viewer.connection.send(b"x" * 65536)
                    pasted.append(65536)

        pasting = threading.Thread(target=paste, daemon=True)
        pasting.start()
        # Its pastes come to a stop on its own side.
        stopped_at = -1
        while stopped_at != len(pasted):
            stopped_at = len(pasted)
            time.sleep(1)
        assert slowest_echo_s(quiet, 5) < 1
        assert len(pasted) == stopped_at > 0
        assert memory_mb(console) < before + MOST_MB
        # A polite end would wait behind what it has pasted.
        viewer.connection.socket.shutdown(socket.SHUT_RDWR)
        pasting.join(10)


@pytest.fixture
def impatient(provider: Provider, console: Process) -> Iterator[None]:
    """A process that sends viewers away after two seconds, in the place of the usual one."""
    console.stop()
    process = provider.start_console(PROVIDER_CONSOLE_IDLE_S="2")
    yield
    process.stop()
    console.start()
    console.wait_for_port(int(provider.env["PROVIDER_CONSOLE_PORT"]))


def test_viewer_that_types_nothing_is_sent_away_whatever_it_is_shown(owner: Member, vm: int, impatient: None) -> None:
    with watch(owner, vm) as typing, watch(owner, vm) as idle:
        idle.until("login: ")
        typing.log_in()
        began = time.monotonic()
        while time.monotonic() - began < 3:
            typing.run("hostname")
            time.sleep(0.2)
            if time.monotonic() - began < 1.5:
                # What a browser sends by itself is no typing.
                idle.connection.send('{"resize": [80, 24]}')
        assert idle.closed() == (4408, "idle")
        assert typing.run("echo still here") == "still here"


def test_end_of_the_process_is_told_to_viewers(
    provider: Provider, console: Process, owner: Member, vm: int, quiet: Watcher
) -> None:
    # Not even a guest that takes no input keeps it.
    quiet.type(DEAF)
    quiet.type("x")
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
        console.popen.terminate()
        assert viewer.closed()[0] == 1001
        assert console.popen.wait(timeout=10) == 0
    console.start()
    console.wait_for_port(int(provider.env["PROVIDER_CONSOLE_PORT"]))
    with watch(owner, vm) as viewer:
        viewer.until("login: ")


def test_handle_has_a_limit_of_viewers_of_its_own(provider: Provider, owner: Member, vm: int) -> None:
    with ExitStack() as leaving:
        for _ in range(250):
            leaving.enter_context(watch(owner, vm))
        assert refusal(console_of(owner, vm)) == (503, b"Too many viewers.\n")
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
