"""Consoles of simulated guests. What they show lives in the process that opened them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import DatabaseError, close_old_connections

from hosting.provider.drivers.base import ConsoleEvents, GuestState, VmSpec
from hosting.provider.drivers.simulated_shell import Shell
from hosting.provider.drivers.simulated_terminal import Terminal

log = logging.getLogger(__name__)

# How often it is looked whether the guests still run.
LOOK_EVERY_S = 0.5
ON: frozenset[GuestState | None] = frozenset({"running", "paused"})

States = Callable[[Sequence[UUID]], Mapping[UUID, GuestState]]


@dataclass(eq=False)
class SimulatedConsole:
    """A guest that booted when its console was opened."""

    vm: VmSpec
    events: ConsoleEvents
    power_off: Callable[[], None]
    is_paused: bool = False
    has_ended: bool = False

    def __post_init__(self) -> None:
        self._shell = Shell(self.vm, self._show, self._turn_off)
        self._terminal = Terminal(self._shell)
        self._shell.boot()

    def send(self, data: bytes) -> None:
        if not self.is_paused and not self.has_ended:
            self._terminal.type(data)

    def close(self) -> None:
        self.has_ended = True

    def end(self) -> None:
        """It ends by itself; that is told once."""
        if not self.has_ended:
            self.has_ended = True
            self.events.ended()

    def _show(self, text: str) -> None:
        self.events.received(text.encode())

    def _turn_off(self) -> None:
        self.power_off()
        self.end()


class Watch:
    """Ends the consoles of guests that stop, whoever stopped them: one look for all of them. A guest has one console,
    and the latest one counts.
    """

    def __init__(self, states: States) -> None:
        self._states = states
        self._lock = threading.Lock()
        self._open: set[SimulatedConsole] = set()
        self._is_looking = False

    def add(self, console: SimulatedConsole) -> None:
        with self._lock:
            earlier = [each for each in self._open if each.vm.uuid == console.vm.uuid]
            self._open.add(console)
            if not self._is_looking:
                self._is_looking = True
                threading.Thread(target=self._look, name="simulated-consoles", daemon=True).start()
        for each in earlier:
            each.end()

    def _look(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_S)
            with self._lock:
                self._open = {console for console in self._open if not console.has_ended}
                consoles = tuple(self._open)
                self._is_looking = bool(consoles)
            if not consoles:
                return
            try:
                states = self._states([console.vm.uuid for console in consoles])
            except DatabaseError as error:
                log.warning("The states of simulated guests are not known: %s", type(error).__name__)
                continue
            finally:
                close_old_connections()
            for console in consoles:
                state = states.get(console.vm.uuid)
                console.is_paused = state == "paused"
                if state not in ON:
                    console.end()
