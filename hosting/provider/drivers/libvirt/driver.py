"""The driver as the engine knows it. libvirt itself is imported when the first host is reached."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import IO, TYPE_CHECKING, Literal
from uuid import UUID

from hosting.provider.drivers.base import (
    Again,
    Console,
    ConsoleEvents,
    HostCapacity,
    HostRef,
    Observed,
    Usage,
    VmSpec,
    Work,
)

if TYPE_CHECKING:
    from hosting.provider.drivers.libvirt.hosts import Hosts

# Seconds that operations take on a host with nothing else to do.
ESTIMATES_S = {
    "vm_create": 15.0,
    "vm_start": 12.0,
    "vm_reboot": 12.0,
    "vm_stop": 4.0,
    "sharedeck.vm_rename": 1.0,
    "sharedeck.vm_reinstall": 3.0,
    **dict.fromkeys(("vm_update", "vm_delete", "disk_create", "disk_delete", "disk_attach", "disk_detach"), 2.0),
}


class LibvirtDriver:
    """Guests of libvirt's hosts. The provider's web process asks it for estimates only, and needs no libvirt."""

    @cached_property
    def _hosts(self) -> "Hosts":
        from hosting.provider.drivers.libvirt.hosts import Hosts  # noqa: PLC0415 (libvirt only where it is used)

        return Hosts()

    def estimate_s(self, kind: str) -> float:
        return ESTIMATES_S.get(kind, 0.0)

    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        return self._hosts.carry_out(work, fence)

    def clean_up(self, work: Work, fence: Callable[[], None]) -> Again | None:
        return self._hosts.clean_up(work, fence)

    def observe(self, host: HostRef) -> Mapping[UUID, Observed]:
        return self._hosts.observe(host)

    def usage(self, host: HostRef) -> Mapping[UUID, Usage]:
        return self._hosts.usage(host)

    def power(self, host: HostRef, uuid: UUID, to: Literal["running", "paused"]) -> None:
        self._hosts.power(host, uuid, to)

    def open_console(self, host: HostRef, vm: VmSpec, events: ConsoleEvents) -> Console:
        return self._hosts.open_console(host, vm, events)

    def capacity(self, host: HostRef) -> HostCapacity:
        return self._hosts.capacity(host)

    def add_image(self, host: HostRef, name: str, file: IO[bytes]) -> None:
        """Copy an image into the pool of a host, unless it is there. Its name says what is in it.

        Raises:
            HostAway: when the host does not answer.
        """
        self._hosts.add_image(host, name, file)

    def file_systems(self, host: HostRef) -> tuple[str, ...]:
        return self._hosts.file_systems(host)
