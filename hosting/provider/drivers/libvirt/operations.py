"""The operations of the engine, each as steps that read what is there and do what is missing."""

from collections.abc import Callable
from datetime import UTC, datetime

import libvirt

from hosting.provider.drivers.base import Again, CannotDo, DiskSpec, VmSpec
from hosting.provider.drivers.libvirt import agent, disks, guests, names, reboot, reinstall, resources, volumes
from hosting.provider.drivers.libvirt.job import Job

# A guest has so long to boot, counted from its start, and so long in all when it starts more than once. Guests without
# KVM are ten times slower.
BOOT_S = 300.0
STARTS_S = 900.0
# A guest whose agent says nothing for so long has none: that it runs is all there is to know.
ANSWER_S = 120.0
BOOT_USUALLY_S = 15.0
LOOK_AGAIN_S = 0.5
# A guest has so long to shut down by itself.
SHUTDOWN_S = 30.0
NOT_STARTED = "The server did not start within five minutes."

Step = Callable[[Job], Again | None]


def vm_create(job: Job) -> Again | None:
    return _first_start(job)


def _first_start(job: Job) -> Again | None:
    """Done when the guest has the name that its seed gave it: then it has read its password too."""
    guest = guests.bring_up(job, job.after, job.work.password)
    if _has_agent(job.after):
        said = agent.host_name(guest)
        asked_s = job.mark(guest).asked_s
        if said is None and (asked_s > BOOT_S or _started_s(job) > STARTS_S):
            raise CannotDo(NOT_STARTED)
        if (said is None or not _is_name(said, job.after)) and asked_s <= BOOT_S:
            return _booting(asked_s)
    guests.write_seed(job, job.after)  # the password is needed no longer
    return None


def vm_start(job: Job) -> Again | None:
    """Done when the guest answers, or has run for a while without an agent."""
    if job.work.password:
        return _first_start(job)
    guest = guests.bring_up(job, job.after)
    if not _has_agent(job.after) or agent.host_name(guest) is not None:
        return None
    if _started_s(job) > STARTS_S:
        raise CannotDo(NOT_STARTED)
    asked_s = job.mark(guest).asked_s
    return _booting(asked_s) if asked_s < ANSWER_S else None


def vm_stop(job: Job) -> Again | None:
    """Ask the guest to shut down, and switch it off when it has not in half a minute."""
    guest = guests.running(job.connected, job.after.uuid)
    if guest is None:
        return None
    asked_s = job.mark(guest).asked_s
    job.fence()
    if asked_s > SHUTDOWN_S or guest.state()[0] == libvirt.VIR_DOMAIN_PAUSED:
        guest.destroy()
        return None
    agent.shut_down(guest)
    return Again(LOOK_AGAIN_S if asked_s < 10 * LOOK_AGAIN_S else 4 * LOOK_AGAIN_S, 3.0)


def vm_reboot(job: Job) -> Again | None:
    guest = guests.running(job.connected, job.after.uuid)
    if guest is None:  # it has gone meanwhile: a start is what was asked for
        return vm_start(job)
    again = reboot.reboot(job, guest)
    if again is None:
        # A disk that the guest was asked to release and kept leaves it when it reboots.
        disks.attach_missing(job, job.after)
    return again


def vm_update(job: Job) -> Again | None:
    guests.define(job, job.after)
    return resources.change(job, job.after)


def vm_delete(job: Job) -> None:
    guests.remove(job, job.before)


def rename(job: Job) -> None:
    """The guest reads its name from the seed when it boots next."""
    guests.write_seed(job, job.after)


def disk_create(job: Job) -> None:
    job.fence()
    volumes.ensure_disk(job.connected, job.host, job.disk)


def disk_delete(job: Job) -> None:
    job.fence()
    volumes.delete(job.connected, job.host, names.volume(job.host, job.disk))


def disk_attach(job: Job) -> None:
    disks.attach(job, job.after, _attached(job.after, job.disk))


def disk_detach(job: Job) -> Again | None:
    return disks.detach(job, job.after, job.disk)


CARRY_OUT: dict[str, Step] = {
    "vm_create": vm_create,
    "vm_start": vm_start,
    "vm_stop": vm_stop,
    "vm_reboot": vm_reboot,
    "vm_update": vm_update,
    "vm_delete": vm_delete,
    "disk_create": disk_create,
    "disk_delete": disk_delete,
    "disk_attach": disk_attach,
    "disk_detach": disk_detach,
    "sharedeck.vm_rename": rename,
    "sharedeck.vm_reinstall": reinstall.carry_out,
}


def _attached(vm: VmSpec, disk: DiskSpec) -> DiskSpec:
    """The disk as the guest has it: at a position."""
    return next(each for each in vm.disks if each.id == disk.id)


def _has_agent(vm: VmSpec) -> bool:
    return all(disk.image is None or disk.image.agent for disk in vm.disks if disk.position == 0)


def _is_name(said: str, vm: VmSpec) -> bool:
    """An agent that does not tell the name at all counts too."""
    return said.lower() in ("", vm.hostname.lower(), vm.hostname.partition(".")[0].lower())


def _started_s(job: Job) -> float:
    return (datetime.now(UTC) - job.work.started).total_seconds()


def _booting(asked_s: float) -> Again:
    return Again(LOOK_AGAIN_S, max(BOOT_USUALLY_S - asked_s, 1.0))
