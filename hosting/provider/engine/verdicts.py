"""What to do when a VM's row and its guest on the host differ. Pure."""

from enum import Enum, auto

from hosting.provider.drivers.base import Observed
from hosting.provider.models import Vm

_State = Vm.State


class Verdict(Enum):
    """What follows from what was observed."""

    NOTHING = auto()
    HALTED = auto()  # it was shut down from inside
    RUNS = auto()  # it runs after all, for instance because a stop failed
    START = auto()  # it ended against its will
    PAUSE = auto()  # staff or the provider paused it
    RESUME = auto()  # staff resumed it
    STOPPED = auto()  # its host paused it, for instance for want of space
    MISSING = auto()  # its host does not know it


def verdict(state: str, wanted: str, guest: Observed | None) -> Verdict:
    """What to do about a VM whose row says `state` and `wanted`, and which shows itself so."""
    if guest is None:
        return Verdict.NOTHING if state == _State.LOCKED else Verdict.MISSING
    match state, guest.state:
        case _State.RUNNING, "halted":
            return Verdict.HALTED
        case _State.RUNNING, "crashed":
            return Verdict.START if wanted == Vm.Wanted.RUNNING else Verdict.HALTED
        case _State.RUNNING, "paused":
            return Verdict.STOPPED if guest.reason else Verdict.RESUME
        case _State.HALTED, "running":
            return Verdict.RUNS
        case _State.PAUSED | _State.LOCKED, "running":
            return Verdict.PAUSE
    return Verdict.NOTHING
