"""A host falls silent: its operations wait, another host's do not."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.hypervisor.hypervisor import Hypervisor, running_hypervisor
from tests.hypervisor.world import Customer, World

SILENT_S = 30


@pytest.fixture
def second(world: World) -> Iterator[Hypervisor]:
    with running_hypervisor() as running:
        yield running


def test_silent_host_delays_its_own_operations_only(world: World, second: Hypervisor) -> None:
    customer = world.customer
    other = Customer(world.provider.url, "T01-TEST")
    other.buy(4)
    vm = customer.begin_vm("silent")
    customer.created(vm)
    world.maintain("first", on=True)
    world.register(second, "second")
    libvirtd = world.hypervisor.libvirtd()
    os.kill(libvirtd, signal.SIGSTOP)
    began = time.monotonic()
    try:
        stop = customer.vm_stop(vm)
        disk = other.disk("ext3")
        assert second.files()
        assert time.monotonic() - began < SILENT_S, "the other host's operation waited too"
        while time.monotonic() - began < SILENT_S:
            assert customer.operation_details(stop)["state"] in {"PENDING", "RUN"}
            time.sleep(1)
    finally:
        os.kill(libvirtd, signal.SIGCONT)
    customer.done(stop)
    assert customer.vm_info(vm)["state"] == "halted"
    other.done(other.disk_delete(disk))
    world.maintain("first", on=False)
    world.maintain("second", on=True)
    customer.removed(vm)
