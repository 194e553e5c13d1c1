"""Data disks inside a real guest."""

from collections.abc import Iterator

import pytest

from tests.hypervisor.world import World, public

FILE_SYSTEMS = ("ext3", "xfs", "jfs", "reiserfs")


@pytest.fixture(scope="module")
def vm(world: World) -> Iterator[int]:
    vm_id = world.customer.begin_vm("disks")
    world.customer.created(vm_id)
    yield vm_id
    world.customer.removed(vm_id)


def test_each_file_system_is_mounted_by_its_serial_and_outlives_a_reboot(world: World, vm: int) -> None:
    customer = world.customer
    before = world.hypervisor.files()
    disks = {fstype: customer.disk(fstype) for fstype in FILE_SYSTEMS}
    for disk in disks.values():
        customer.done(customer.disk_attach(disk, vm))

    # Links by serial are made at boot, or by udev where there is one: the kernel's own list is there at once.
    where = (
        "d=$(grep -l '^disk-%d$' /sys/block/vd*/serial | cut -d/ -f4); mkdir -p /mnt/%d; mount -t %s /dev/$d /mnt/%d"
    )
    for fstype, disk in disks.items():
        world.inside(vm, where % (disk, disk, fstype, disk) + f" && echo {fstype} > /mnt/{disk}/written && sync")
    customer.done(customer.vm_reboot(vm))
    for fstype, disk in disks.items():
        by_id = f"mount -t {fstype} /dev/disk/by-id/virtio-disk-{disk} /mnt/{disk}"
        assert world.inside(vm, f"{by_id} && cat /mnt/{disk}/written && umount /mnt/{disk}") == fstype

    for disk in disks.values():
        customer.done(customer.disk_detach(disk, vm))
        assert f"disk-{disk}" not in world.inside(vm, "cat /sys/block/vd*/serial")
        customer.done(customer.disk_delete(disk))
    assert world.hypervisor.files() == before


def test_detach_in_the_middle_of_a_boot_tells_the_truth(world: World, vm: int) -> None:
    """A guest does not hear it before its kernel runs."""
    customer = world.customer
    disk = customer.disk("xfs")
    customer.done(customer.disk_attach(disk, vm))
    world.virsh("reset", world.name(vm))
    details = customer.wait(customer.disk_detach(disk, vm))
    released = f"disk-{disk}<" not in world.virsh("dumpxml", world.name(vm))
    assert (details["state"] == "DONE") == released
    assert customer.disk_info(disk)["state"] == ("created" if released else "attached")
    if not released:
        assert public(details["last_error"])
        customer.done(customer.disk_detach(disk, vm))
    customer.done(customer.disk_delete(disk))
