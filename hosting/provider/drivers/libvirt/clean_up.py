"""Go back to how it was before an operation that ended in an error."""

from hosting.provider.drivers.base import Again, CannotDo
from hosting.provider.drivers.libvirt import disks, guests, names, reinstall, resources, volumes
from hosting.provider.drivers.libvirt.job import Job
from hosting.provider.drivers.libvirt.operations import Step


def vm_create(job: Job) -> None:
    guests.remove(job, job.after)


def vm_start(job: Job) -> None:
    """A guest that did not start stays off: nobody would know that it runs."""
    guest = guests.running(job.connected, job.after.uuid)
    if guest is not None:
        job.fence()
        guest.destroy()


def vm_update(job: Job) -> Again | None:
    guests.define(job, job.before)
    return resources.put_back(job, job.before)


def rename(job: Job) -> None:
    guests.write_seed(job, job.before)


def disk_create(job: Job) -> None:
    job.fence()
    volumes.delete(job.connected, job.host, names.volume(job.host, job.disk))


def disk_attach(job: Job) -> Again | None:
    try:
        return disks.detach(job, job.before, job.disk)
    except CannotDo:
        return None  # the guest keeps it until it stops, and the next start is without it


def disk_detach(job: Job) -> None:
    guests.define(job, job.before)
    disks.attach_missing(job, job.before)


# What the others leave behind is what they found, or the way to where they were going: they can be asked for again.
CLEAN_UP: dict[str, Step] = {
    "vm_create": vm_create,
    "vm_start": vm_start,
    "vm_update": vm_update,
    "disk_create": disk_create,
    "disk_attach": disk_attach,
    "disk_detach": disk_detach,
    "sharedeck.vm_rename": rename,
    "sharedeck.vm_reinstall": reinstall.clean_up,
}
