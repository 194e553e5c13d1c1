"""Guests end by themselves, crash, and lose their power: the API tells the truth, and what should run runs again."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.hypervisor.world import LIMIT_S, World


@pytest.fixture(scope="module")
def vm(world: World) -> Iterator[int]:
    vm_id = world.customer.begin_vm("power")
    world.customer.created(vm_id)
    yield vm_id
    world.customer.removed(vm_id)


def test_poweroff_inside_shows_as_halted_within_ten_seconds(world: World, vm: int) -> None:
    world.inside(vm, "poweroff")
    world.until_off(vm)
    assert world.customer.until(vm, "halted", 10) < 10
    world.customer.done(world.customer.vm_start(vm))


def test_guest_whose_process_died_runs_again(world: World, vm: int) -> None:
    [qemu] = world.hypervisor.guests(f"{world.name(vm)},")
    world.count_boots(vm)
    os.kill(qemu, signal.SIGKILL)
    world.until_inside(vm)
    assert world.boots(vm) == 1
    world.customer.until(vm, "running", LIMIT_S)
    assert len(world.hypervisor.guests(f"{world.name(vm)},")) == 1


def test_after_a_power_cut_all_are_back(world: World, vm: int) -> None:
    off = world.customer.begin_vm("off")
    world.customer.created(off)
    world.customer.done(world.customer.vm_stop(off))
    world.count_boots(vm)
    world.hypervisor.cut_power()
    world.hypervisor.start()
    world.until_inside(vm)
    assert world.boots(vm) == 1
    # What was off stays off.
    assert world.customer.vm_info(off)["state"] == "halted"
    assert world.hypervisor.guests(f"{world.name(off)},") == []
    world.customer.removed(off)
