"""A driver for tests of the engine: the simulation, which also writes down what it is told, and fails as told."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from hosting.provider.drivers.base import Again, CannotDo, HostAway, Work
from hosting.provider.drivers.simulated import SimulatedDriver

PATH = "/var/lib/libvirt/images/secret.qcow2"
REFUSAL = "The disk is too small for it."


class RecordingDriver(SimulatedDriver):
    """Appends a line to `calls` in the provider's directory for each event: operation, event, type.

    `script` beside it says by type of operation what happens: {"vm_stop": ["slow", 3]}. Without a word, all goes well.

    slow        blocks so many seconds between two fences, and then changes something
    wait        asks to be called again after so many seconds, for as long
    away        the host does not answer
    break       raises an error that names a path
    refuse      does half of the work, then says that it cannot be done
    """

    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        self._note(work, "called")
        action, seconds = self._script().get(work.type, ("", 0))
        match action:
            case "slow":
                fence()
                time.sleep(seconds)
            case "away":
                raise HostAway("no answer")
            case "break":
                raise OSError(PATH)
        fence()
        again = super().carry_out(work, fence)
        if action == "refuse":
            raise CannotDo(REFUSAL)
        self._note(work, "changed")
        return again

    def clean_up(self, work: Work, fence: Callable[[], None]) -> Again | None:
        self._note(work, "cleaned up")
        if self._script().get("clean_up"):
            raise OSError(PATH)
        return super().clean_up(work, fence)

    @staticmethod
    def _script() -> dict[str, Any]:
        file = Path(settings.VAR_DIR) / "script"
        found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return found

    @staticmethod
    def _note(work: Work, event: str) -> None:
        # One write to a file that is only appended to: lines of several processes do not mix.
        with (Path(settings.VAR_DIR) / "calls").open("ab", buffering=0) as calls:
            calls.write(f"{work.operation_id},{event},{work.type},{os.getpid()}\n".encode())
