"""Processes are killed in the middle of operations: all of them end as they should, once."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hypervisor.hypervisor import key_pair
from tests.hypervisor.world import World

# Seconds after an operation was asked for.
MOMENTS_S = (0.3, 2.0, 5.0)
SCRIPT = "#!/bin/sh\necho run >> /root/runs\n"


def kill_provider(world: World) -> None:
    world.kill_provider()


def kill_libvirtd(world: World) -> None:
    os.kill(world.hypervisor.libvirtd(), signal.SIGKILL)


def during(world: World, kill: Callable[[World], None]) -> None:
    """Kill at each of the moments."""
    began = time.monotonic()
    for moment in MOMENTS_S:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        kill(world)


@pytest.mark.parametrize("kill", [kill_provider, kill_libvirtd], ids=lambda kill: kill.__name__)
def test_operations_survive_kills_at_three_moments(world: World, kill: Callable[[World], None], tmp_path: Path) -> None:
    customer = world.customer
    guests, files = world.guests(), world.hypervisor.files()
    free = customer.resources("available")["shares"]
    vm = customer.begin_vm("killed", ssh_keys=[key_pair(tmp_path / "owner")], user_data=SCRIPT)
    during(world, kill)
    customer.created(vm)
    assert len(world.hypervisor.guests(f"{world.name(vm)},")) == 1
    assert world.runs(vm) == ["run"]
    by_key = world.hypervisor.ssh_by_key(world.address(vm), "id -un", user="root", key=tmp_path / "owner")
    assert by_key.stdout.strip() == "root", by_key
    world.count_boots(vm)

    reboot = customer.vm_reboot(vm)
    during(world, kill)
    customer.done(reboot)
    assert world.boots(vm) == 1

    disk = customer.disk("jfs")
    attach = customer.disk_attach(disk, vm)
    during(world, kill)
    customer.done(attach)
    assert world.inside(vm, "for disk in /sys/block/vd*/serial; do cat $disk; echo; done").split() == [
        f"disk-{customer.vm_info(vm)['disks_id'][0]}",
        f"disk-{disk}",
    ]

    customer.done(customer.vm_stop(vm))
    start = customer.vm_start(vm)
    during(world, kill)
    customer.done(start)
    assert len(world.hypervisor.guests(f"{world.name(vm)},")) == 1
    assert world.boots(vm) == 2
    assert world.runs(vm) == ["run"]

    customer.removed(vm)
    customer.done(customer.disk_delete(disk))
    assert (world.guests(), world.hypervisor.files()) == (guests, files)
    assert customer.resources("available")["shares"] == free
