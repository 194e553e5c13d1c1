"""Make the boot disk of a guest that is off anew.

The new content gets a volume of its own beside the old one. The definition of the guest then changes from one to the
other in one step, and only after that the old volume is deleted: whenever this is interrupted, the guest has the old
content whole or the new one whole, and the next call finds out which.

Decision: docs/decisions/0045-a-new-system-gets-a-new-volume.md
"""

from hosting.provider.drivers.base import DiskSpec, VmSpec
from hosting.provider.drivers.libvirt import guests, names, volumes
from hosting.provider.drivers.libvirt.job import Job


def carry_out(job: Job) -> None:
    """Done when the old volume is gone.

    Raises:
        CannotDo: when the image is missing on the host; nothing has changed.
    """
    old, new = _boot_disk(job.before), _boot_disk(job.after)
    job.fence()
    volumes.ensure_disk(job.connected, job.host, new)
    # Without the password, which the first start brings.
    guests.write_seed(job, job.after)
    guests.define(job, job.after)
    job.fence()
    volumes.delete(job.connected, job.host, names.volume(job.host, old))


def clean_up(job: Job) -> None:
    """Go back to the old content, as long as it is there."""
    old, new = _boot_disk(job.before), _boot_disk(job.after)
    pool = volumes.pool_of(job.connected, job.host)
    if volumes.find(pool, names.volume(job.host, old)) is None:
        return
    guests.write_seed(job, job.before)
    guests.define(job, job.before)
    job.fence()
    volumes.delete(job.connected, job.host, names.volume(job.host, new))


def _boot_disk(vm: VmSpec) -> DiskSpec:
    return next(disk for disk in vm.disks if disk.position == 0)
