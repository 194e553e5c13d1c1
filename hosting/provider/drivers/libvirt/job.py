"""One call of the engine: the work, the host's connection, and the guest that it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import libvirt

from hosting.provider.drivers.base import DiskSpec, HostRef, VmSpec, Work
from hosting.provider.drivers.libvirt import marks

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """`fence` is called before each change."""

    connected: libvirt.virConnect
    work: Work
    fence: Callable[[], None]

    @property
    def host(self) -> HostRef:
        return self.work.host

    @property
    def after(self) -> VmSpec:
        return _given(self.work.after, "after")

    @property
    def before(self) -> VmSpec:
        return _given(self.work.before, "before")

    @property
    def disk(self) -> DiskSpec:
        return _given(self.work.disk, "disk")

    def mark(self, guest: libvirt.virDomain) -> marks.Mark:
        """The mark of this operation in the running guest, which is left now if it is the first call."""
        mark = marks.read(guest, self.work.operation_id)
        if mark is None:
            self.fence()
            mark = marks.leave(guest, self.work.operation_id)
        return mark


def _given(spec: T | None, name: str) -> T:
    """What work of this type has."""
    if spec is None:
        raise ValueError(f"The engine handed over no {name!r}.")
    return spec
