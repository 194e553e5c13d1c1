"""A driver that simulates hosts: operations take realistic time, and change nothing but a small memory of guests.

How long an operation takes depends on its type, its id (a jitter of a quarter either way, the same on every run) and
the speed. It is reckoned from the moment it was begun, so the work survives any restart.

The address of a simulated host is a switch, for demonstrations and tests:

    simulated:away      the host does not answer
    simulated:hangs=S   it answers after S seconds, each time
    simulated:breaks    the driver itself fails on each call
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, Protocol
from uuid import UUID

from django.conf import settings

from hosting.provider.drivers import pace
from hosting.provider.drivers.base import (
    Again,
    CannotDo,
    Console,
    ConsoleEvents,
    GuestState,
    HostAway,
    HostCapacity,
    HostRef,
    Observed,
    Usage,
    VmSpec,
    Work,
)
from hosting.provider.drivers.pace import DURATIONS, PRODUCT_DURATION
from hosting.provider.drivers.simulated_console import ON, SimulatedConsole, Watch
from hosting.provider.drivers.simulated_usage import usage_of

# The state in which an operation leaves its guest; None: the one that it has.
_LEAVES: dict[str, Literal["running", "halted"] | None] = {
    "vm_create": "running",
    "vm_start": "running",
    "vm_reboot": "running",
    "vm_stop": "halted",
}
CAPACITY = HostCapacity(cores=250_000, memory_mb=2_000_000_000, pool_mb=2_000_000_000)


class Guests(Protocol):
    """The memory of simulated hosts. Each call is atomic."""

    def of(self, host_id: int) -> Mapping[UUID, Observed]: ...

    def get(self, host_id: int, uuid: UUID) -> Observed | None: ...

    def states(self, uuids: Sequence[UUID]) -> Mapping[UUID, GuestState]: ...

    def put(self, host_id: int, uuid: UUID, guest: Observed) -> None: ...

    def remove(self, host_id: int, uuid: UUID) -> None: ...


class SimulatedDriver:
    """`speed` multiplies every duration; 0 means done at once. Both default to what the settings say."""

    def __init__(self, speed: float | None = None, guests: Guests | None = None) -> None:
        if speed is None:
            speed = settings.PROVIDER_SPEED
        if guests is None:
            from hosting.provider.drivers.simulated_guests import GuestTable  # noqa: PLC0415 (needs the models)

            guests = GuestTable()
        self.speed: float = speed
        self._guests = guests
        self._consoles = Watch(guests.states)

    def estimate_s(self, kind: str) -> float:
        return DURATIONS.get(kind, PRODUCT_DURATION) * self.speed

    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        _reach(work.host)
        left = pace.left_s(
            work.operation_id, self.estimate_s(work.type), work.started, fails=bool(work.scripted_failure)
        )
        if left > 0:
            return Again(left, left)
        if work.scripted_failure:
            raise CannotDo(work.scripted_failure)
        self._make(work, work.after, _LEAVES.get(work.type), fence)
        return None

    def clean_up(self, work: Work, fence: Callable[[], None]) -> Again | None:
        _reach(work.host)
        self._make(work, work.before, None, fence)
        return None

    def _make(
        self, work: Work, wanted: VmSpec | None, state: Literal["running", "halted"] | None, fence: Callable[[], None]
    ) -> None:
        """Have the guest as wanted; nothing is written when it is so already."""
        spec = wanted or work.before or work.after
        if spec is None:
            return  # a disk alone
        there = self._guests.get(work.host.id, spec.uuid)
        if wanted is None:
            if there:
                fence()
                self._guests.remove(work.host.id, spec.uuid)
            return
        disks = tuple(disk.id for disk in wanted.disks)
        guest = Observed(state or (there.state if there else "halted"), wanted.memory_mb, disks)
        if guest != there:
            fence()
            self._guests.put(work.host.id, spec.uuid, guest)

    def observe(self, host: HostRef) -> Mapping[UUID, Observed]:
        _reach(host)
        return self._guests.of(host.id)

    def usage(self, host: HostRef) -> Mapping[UUID, Usage]:
        _reach(host)
        now = time.time()
        return {uuid: usage_of(uuid, guest, now) for uuid, guest in self._guests.of(host.id).items()}

    def power(self, host: HostRef, uuid: UUID, to: Literal["running", "paused"]) -> None:
        _reach(host)
        guest = self._guests.get(host.id, uuid)
        if guest is None:
            raise CannotDo("The server does not exist on its host.")
        if to == "paused" and guest.state != "running":
            return  # what does not run, stands still
        if guest.state != to:
            self._guests.put(host.id, uuid, replace(guest, state=to))

    def open_console(self, host: HostRef, vm: VmSpec, events: ConsoleEvents) -> Console:
        _reach(host)
        guest = self._guests.get(host.id, vm.uuid)
        if guest is None or guest.state not in ON:
            raise CannotDo("The server is not running.")
        console = SimulatedConsole(vm, events, lambda: self._power_off(host, vm.uuid), guest.state == "paused")
        self._consoles.add(console)
        return console

    def _power_off(self, host: HostRef, uuid: UUID) -> None:
        """What a guest does by itself, when its owner says so inside."""
        guest = self._guests.get(host.id, uuid)
        if guest:
            self._guests.put(host.id, uuid, replace(guest, state="halted"))

    def capacity(self, host: HostRef) -> HostCapacity:
        _reach(host)
        return CAPACITY

    def file_systems(self, host: HostRef) -> tuple[str, ...]:
        _reach(host)
        return ("ext3", "reiserfs", "xfs", "jfs")


class SimulatedFaultError(Exception):
    """What a driver should never raise."""


def _reach(host: HostRef) -> None:
    """Answer as the switch in the host's address says."""
    scheme, _, switch = host.uri.partition(":")
    if scheme not in {"", "simulated"}:
        # Its guests are real, and would all be missing here.
        raise HostAway(f"{host.name} is no simulated host")
    action, _, seconds = switch.partition("=")
    if action == "away":
        raise HostAway("simulated: no answer")
    if action == "hangs":
        time.sleep(float(seconds))
    if action == "breaks":
        raise SimulatedFaultError(f"simulated: /var/lib/{host.name} is broken")
