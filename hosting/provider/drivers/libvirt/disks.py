"""Disks of a running guest: attach them, and have the guest release them."""

import xml.etree.ElementTree as ET

import libvirt

from hosting.provider.drivers.base import Again, CannotDo, DiskSpec, VmSpec
from hosting.provider.drivers.libvirt import agent, domain_xml, guests, marks, names, volumes
from hosting.provider.drivers.libvirt.job import Job

# A guest that boots does not hear that it should release a disk: it is asked again, until it is given up.
SOON_S, ASK_AGAIN_S = 0.3, 2.0
RELEASE_S = 30.0
NOT_RELEASED = "The server did not release the disk within 30 seconds. Unmount it or stop the server, then try again."


def attached(guest: libvirt.virDomain) -> dict[int, str]:
    """The disks that the guest has now, by id, as libvirt describes them.

    What a call to attach or detach has returned says nothing about that.
    """
    found = {}
    for device in ET.fromstring(guest.XMLDesc()).iterfind("./devices/disk"):  # noqa: S314 (libvirt's own)
        disk_id = names.disk_id(device.findtext("serial", ""))
        if disk_id is not None:
            found[disk_id] = ET.tostring(device, encoding="unicode")
    return found


def attach(job: Job, vm: VmSpec, disk: DiskSpec) -> None:
    """Attach the disk, now and for every later start of the guest. `vm` is the guest with the disk."""
    job.fence()
    volumes.ensure_disk(job.connected, job.host, disk)
    guests.define(job, vm)
    attach_missing(job, vm, only=disk.id)


def attach_missing(job: Job, vm: VmSpec, only: int | None = None) -> None:
    """Attach to a running guest the disks that it should have and has not."""
    guest = guests.running(job.connected, vm.uuid)
    if guest is None:
        return
    present = attached(guest)
    for disk in vm.disks:
        if disk.position is not None and disk.id not in present and only in (None, disk.id):
            job.fence()
            guest.attachDeviceFlags(domain_xml.disk(job.host, disk, disk.position), libvirt.VIR_DOMAIN_AFFECT_LIVE)


def detach(job: Job, vm: VmSpec, disk: DiskSpec) -> Again | None:
    """Detach the disk, now and for every later start of the guest. `vm` is the guest without the disk.

    Raises:
        CannotDo: when the guest has not released it within half a minute.
    """
    guests.define(job, vm)
    guest = guests.running(job.connected, vm.uuid)
    device = attached(guest).get(disk.id) if guest is not None else None
    if guest is None or device is None:
        return None
    mark = marks.read(guest, job.work.operation_id)
    if mark is None:
        mark = job.mark(guest)
        agent.flush(guest)
    else:
        agent.thaw(guest)
    if mark.asked_s > RELEASE_S:
        raise CannotDo(NOT_RELEASED)
    job.fence()
    guest.detachDeviceFlags(device, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    return Again(SOON_S if mark.asked_s < ASK_AGAIN_S else ASK_AGAIN_S, ASK_AGAIN_S)
