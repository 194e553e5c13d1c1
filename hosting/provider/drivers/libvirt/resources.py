"""Memory, processors and weight of a running guest."""

import libvirt

from hosting.provider.drivers.base import Again, CannotDo, VmSpec
from hosting.provider.drivers.libvirt import agent, domain_xml, guests
from hosting.provider.drivers.libvirt.job import Job

# A guest has so long to take memory, or to give it back: it may need what it should give back.
MEMORY_S = 20.0
LOOK_AGAIN_S = 0.3
NOT_GIVEN_BACK = "The server does not give back memory that it uses. Stop it, then try again."
NOT_TAKEN = "The server does not take more memory while it runs. Stop it, then try again."
LIVE = libvirt.VIR_DOMAIN_AFFECT_LIVE


def change(job: Job, vm: VmSpec) -> Again | None:
    """Give a running guest what it is wanted to have. What it pays with, its weight, comes last.

    Processors that it is to lose are taken at its next start, because a guest need not release them.

    Raises:
        CannotDo: when the guest has not given back memory within 20 seconds, or has not taken it.
    """
    guest = guests.running(job.connected, vm.uuid)
    if guest is None:
        return None
    _ensure_cores(job, guest, vm)
    has_mb = memory_mb(guest)
    if has_mb != vm.memory_mb:
        asked_s = job.mark(guest).asked_s
        if asked_s > MEMORY_S:
            raise CannotDo(NOT_TAKEN if has_mb < vm.memory_mb else NOT_GIVEN_BACK)
        job.fence()
        guest.setMemoryFlags(vm.memory_mb << 10, LIVE)
        return Again(LOOK_AGAIN_S, LOOK_AGAIN_S)
    _weigh(job, guest, vm)
    return None


def put_back(job: Job, vm: VmSpec) -> Again | None:
    """Give a running guest what it had before a change that failed. It may keep memory that it cannot give back."""
    guest = guests.running(job.connected, vm.uuid)
    if guest is None:
        return None
    job.fence()
    guest.setMemoryFlags(vm.memory_mb << 10, LIVE)
    _weigh(job, guest, vm)
    waits = memory_mb(guest) != vm.memory_mb and job.mark(guest).asked_s < 2 * MEMORY_S
    return Again(LOOK_AGAIN_S, LOOK_AGAIN_S) if waits else None


def memory_mb(guest: libvirt.virDomain) -> int:
    """The memory that the guest has now: what its balloon leaves it. It is told once a second at most."""
    return guest.info()[2] >> 10


def _ensure_cores(job: Job, guest: libvirt.virDomain, vm: VmSpec) -> None:
    if guest.vcpusFlags(LIVE) < vm.cores:
        job.fence()
        guest.setVcpusFlags(vm.cores, LIVE)
    agent.use_processors(guest, vm.cores)


def _weigh(job: Job, guest: libvirt.virDomain, vm: VmSpec) -> None:
    job.fence()
    guest.setSchedulerParametersFlags({"cpu_shares": domain_xml.WEIGHT * vm.shares}, LIVE)
