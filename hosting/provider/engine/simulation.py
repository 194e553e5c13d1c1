"""What the simulation needs of the provider: a host from the beginning, and guests for VMs that nobody has made."""

from django.db.models import QuerySet

from hosting.provider.drivers.base import GuestState, Observed
from hosting.provider.drivers.simulated import CAPACITY, SimulatedDriver
from hosting.provider.drivers.simulated_guests import GuestTable
from hosting.provider.engine import specs
from hosting.provider.engine.driver import driver
from hosting.provider.models import Disk, Host, Vm
from hosting.provider.rules import values

_NAME = "simulated"
_STATES: dict[str, GuestState] = {Vm.State.RUNNING: "running", Vm.State.PAUSED: "paused"}


def is_on() -> bool:
    return isinstance(driver(), SimulatedDriver)


def host() -> Host:
    """The simulated host, made when there is none. It has room for more than anybody needs."""
    found, _ = Host.objects.get_or_create(
        name=_NAME,
        defaults={"cores": CAPACITY.cores, "memory_mb": CAPACITY.memory_mb, "pool_mb": CAPACITY.pool_mb},
    )
    return found


def adopt(vms: QuerySet[Vm], disks: QuerySet[Disk]) -> None:
    """Put VMs and disks that no operation has made on the simulated host, and have it know them."""
    on = host()
    vms.update(host=on, made=True)
    vms.filter(state=Vm.State.HALTED).update(wanted=Vm.Wanted.HALTED)
    disks.update(host=on, made=True)
    guests = {
        specs.guest_uuid(vm.pk): Observed(
            _STATES.get(vm.state, "halted"),
            min(vm.shares * values.SHARE_MEMORY_MB, vm.vm_max_memory),
            tuple(disk.pk for disk in sorted(vm.disks.all(), key=lambda disk: (disk.position or 0, disk.pk))),
        )
        for vm in vms.prefetch_related("disks").iterator(chunk_size=500)
    }
    GuestTable().put_all(on.pk, guests)
