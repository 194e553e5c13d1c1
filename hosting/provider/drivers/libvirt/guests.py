"""Guests on a host: find, define, start and remove them."""

from uuid import UUID

import libvirt

from hosting.provider.drivers.base import VmSpec
from hosting.provider.drivers.libvirt import domain_xml, names, seed, volumes
from hosting.provider.drivers.libvirt.job import Job
from hosting.provider.drivers.libvirt.network import ensure_filter


def find(connected: libvirt.virConnect, uuid: UUID) -> libvirt.virDomain | None:
    try:
        return connected.lookupByUUIDString(str(uuid))
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:
            return None
        raise


def running(connected: libvirt.virConnect, uuid: UUID) -> libvirt.virDomain | None:
    """The guest, when it runs."""
    guest = find(connected, uuid)
    return guest if guest is not None and guest.isActive() else None


def define(job: Job, vm: VmSpec) -> libvirt.virDomain:
    """Write how the guest is from its next start on. One that runs is not touched."""
    job.fence()
    ensure_filter(job.connected)
    return job.connected.defineXML(domain_xml.domain(job.host, vm))


def bring_up(job: Job, vm: VmSpec, password: str = "") -> libvirt.virDomain:
    """Have the guest run as it is wanted. What it lacks is made first; one that runs is left alone."""
    guest = find(job.connected, vm.uuid)
    if guest is not None:
        job.fence()
        _resume(guest)
    if guest is None or not guest.isActive():
        for disk in vm.disks:
            job.fence()
            volumes.ensure_disk(job.connected, job.host, disk)
        write_seed(job, vm, password)
        guest = define(job, vm)
        job.fence()
        guest.create()
    return guest


def resume_or_start(guest: libvirt.virDomain) -> None:
    """Have a guest run that is there, as it was defined last."""
    _resume(guest)
    if not guest.isActive():
        guest.create()


def _resume(guest: libvirt.virDomain) -> None:
    state, reason, *_ = guest.state()
    if (state, reason) == (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP):
        guest.destroy()  # the host died while it started the guest: this one would never run
    elif state == libvirt.VIR_DOMAIN_PAUSED:
        guest.resume()


def write_seed(job: Job, vm: VmSpec, password: str = "") -> None:
    """Write what the guest reads when it starts. Without a password, the seed holds none."""
    content = seed.build(vm, seed.password_hash(password) if password else "")
    job.fence()
    volumes.write(job.connected, job.host, names.seed(job.host, vm), content)


def remove(job: Job, vm: VmSpec) -> None:
    """Remove the guest, its seed and its boot disk. Nothing happens when there is none."""
    guest = find(job.connected, vm.uuid)
    if guest is not None:
        job.fence()
        if guest.isActive():
            guest.destroy()
        guest.undefine()
    gone = [names.seed(job.host, vm), *(names.volume(job.host, disk) for disk in vm.disks if disk.position == 0)]
    for name in gone:
        job.fence()
        volumes.delete(job.connected, job.host, name)
