"""The interface of drivers, which create, start and stop VMs for the engine."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Work:
    """One operation as a driver sees it. `password` is a secret: it shows in no repr."""

    operation_id: int
    type: str
    params: dict[str, Any]
    password: str = field(default="", repr=False)
    scripted_failure: str = ""


@dataclass(frozen=True)
class Progress:
    """The progress of work. `eta_s`: seconds it may still take. `look_again_s`: seconds until the next check."""

    state: Literal["running", "done", "failed"]
    eta_s: float = 0.0
    look_again_s: float = 1.0
    error: str = ""


class Driver(Protocol):
    """Runs operations without blocking. Every method returns at once; one that raises is called again."""

    def estimate_s(self, work: Work) -> float:
        """Seconds the work will probably take. Asked at acceptance, in the web process."""
        ...

    def begin(self, work: Work) -> str:
        """Start the work and return a token (200 characters at most) that finds it again after a restart.

        Called again with the same operation id when the provider died before it could store the token: it
        must then return the work that was begun already, or begin it anew if that harms nothing.
        """
        ...

    def look(self, work: Work, token: str) -> Progress:
        """How far the work is that `begin` gave `token` for. Does not change anything."""
        ...
