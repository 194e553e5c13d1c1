"""The driver in the worker, where hosts are reached (docs/decisions/0038-real-guests.md)."""

import time
from collections.abc import Callable, Mapping
from typing import IO, Literal, TypeVar
from uuid import UUID

import libvirt

from hosting.provider.drivers.base import (
    Again,
    CannotDo,
    Console,
    ConsoleEvents,
    HostAway,
    HostCapacity,
    HostRef,
    Observed,
    Usage,
    VmSpec,
    Work,
)
from hosting.provider.drivers.libvirt import (
    clean_up,
    consoles,
    file_systems,
    guests,
    observe,
    operations,
    usage,
    volumes,
)
from hosting.provider.drivers.libvirt.connection import answering, means_lost, new_connection
from hosting.provider.drivers.libvirt.job import Job

LOOK_AGAIN_S = 0.2
# A daemon that was ended is back by then.
RESTART_S = 2.0
T = TypeVar("T")
NOT_THERE = "The host does not know this server. Please tell our support."


class Hosts:
    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        if work.scripted_failure:
            raise CannotDo(work.scripted_failure)
        with answering(work.host) as connected:
            return _take(operations.CARRY_OUT[work.type], Job(connected, work, fence))

    def clean_up(self, work: Work, fence: Callable[[], None]) -> Again | None:
        step = clean_up.CLEAN_UP.get(work.type)
        if step is None:
            return None
        with answering(work.host) as connected:
            return _take(step, Job(connected, work, fence))

    def observe(self, host: HostRef) -> Mapping[UUID, Observed]:
        return _ask(host, observe.guests)

    def usage(self, host: HostRef) -> Mapping[UUID, Usage]:
        return _ask(host, usage.of_guests)

    def power(self, host: HostRef, uuid: UUID, to: Literal["running", "paused"]) -> None:
        with answering(host) as connected:
            guest = guests.find(connected, uuid)
            if guest is None:
                raise CannotDo(NOT_THERE)
            if to == "running":
                guests.resume_or_start(guest)
            elif guest.state()[0] == libvirt.VIR_DOMAIN_RUNNING:
                guest.suspend()

    def open_console(self, host: HostRef, vm: VmSpec, events: ConsoleEvents) -> Console:
        with answering(host, new_connection) as connected:
            return consoles.open_console(connected, vm.uuid, events)

    def capacity(self, host: HostRef) -> HostCapacity:
        return _ask(host, _capacity)

    def add_image(self, host: HostRef, name: str, file: IO[bytes]) -> None:
        with answering(host) as connected:
            volumes.ensure_image(connected, host, name, file)

    def file_systems(self, host: HostRef) -> tuple[str, ...]:
        return file_systems.offered()


def _capacity(connected: libvirt.virConnect, host: HostRef) -> HostCapacity:
    information, pool = connected.getInfo(), volumes.pool_of(connected, host).info()
    return HostCapacity(cores=information[2], memory_mb=information[1], pool_mb=pool[1] >> 20)


def _ask(host: HostRef, question: Callable[[libvirt.virConnect, HostRef], T]) -> T:
    """Ask a host something, and again for a moment: one whose daemon is started anew is not away."""
    until = time.monotonic() + RESTART_S
    while True:
        try:
            with answering(host) as connected:
                return question(connected, host)
        except HostAway:
            if time.monotonic() > until:
                raise
            time.sleep(LOOK_AGAIN_S)


def _take(step: operations.Step, job: Job) -> Again | None:
    """Take a step. A guest that ends in the middle of it is no fault: the step is taken again, and finds it so."""
    vm = job.work.after or job.work.before
    ran = vm is not None and guests.running(job.connected, vm.uuid) is not None
    try:
        return step(job)
    except libvirt.libvirtError as error:
        if ran and vm and not means_lost(job.connected, error) and not guests.running(job.connected, vm.uuid):
            return Again(LOOK_AGAIN_S, LOOK_AGAIN_S)
        raise
