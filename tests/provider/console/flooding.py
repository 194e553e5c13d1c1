"""A driver for tests of consoles: the simulation, whose guests can print much, and can be told to take no input."""

import threading
import time

from hosting.provider.drivers.base import Console, ConsoleEvents, HostRef, VmSpec
from hosting.provider.drivers.simulated import SimulatedDriver

LINE = b"0123456789abcde\n"
CHUNK = LINE * 1024


class FloodingDriver(SimulatedDriver):
    """Behind its usual console, a guest reacts to three bytes that nobody types:

    \\x01   print without end, as fast as it is taken, until Ctrl-C
    \\x02   print 50 MB, then `done` and how long that took
    \\x06   take no more input, for ever
    """

    def open_console(self, host: HostRef, vm: VmSpec, events: ConsoleEvents) -> Console:
        return FloodingConsole(super().open_console(host, vm, events), events)


class FloodingConsole:
    def __init__(self, console: Console, events: ConsoleEvents) -> None:
        self._console = console
        self._events = events
        self._stop = threading.Event()

    def send(self, data: bytes) -> None:
        match data:
            case b"\x01":
                self._print(2**40)
            case b"\x02":
                self._print(50 * 2**20)
            case b"\x06":
                threading.Event().wait()
            case _:
                if b"\x03" in data:
                    self._stop.set()
                self._console.send(data)

    def close(self) -> None:
        self._stop.set()
        self._console.close()

    def _print(self, count: int) -> None:
        self._stop.clear()
        threading.Thread(target=self._flood, args=(count,), daemon=True).start()

    def _flood(self, count: int) -> None:
        began, printed = time.monotonic(), 0
        while printed < count and not self._stop.is_set():
            self._events.received(CHUNK)
            printed += len(CHUNK)
        self._events.received(f"\r\ndone {printed} in {time.monotonic() - began:.2f} s\r\n".encode())
