"""Shares divide the processors."""

import time

from tests.hypervisor.world import World

MEASURED_S = 12


def test_three_shares_get_three_times_as_much_of_a_core_as_one(world: World) -> None:
    customer = world.customer
    vms = {shares: customer.begin_vm(f"shares{shares}", shares) for shares in (3, 1)}
    for vm in vms.values():
        customer.created(vm)
    for vm in vms.values():
        world.virsh("emulatorpin", world.name(vm), "0")
        world.virsh("vcpupin", world.name(vm), "0", "0")
        world.inside(vm, "(while :; do :; done) >/dev/null 2>&1 &")

    def used() -> dict[int, int]:
        """Nanoseconds of processor time so far, by shares."""
        stats = {shares: world.virsh("domstats", "--cpu-total", world.name(vm)) for shares, vm in vms.items()}
        return {shares: int(text.split("cpu.time=")[1].split()[0]) for shares, text in stats.items()}

    before = used()
    time.sleep(MEASURED_S)
    after = used()
    ratio = (after[3] - before[3]) / (after[1] - before[1])
    for vm in vms.values():
        customer.removed(vm)
    assert 2.4 <= ratio <= 3.8
