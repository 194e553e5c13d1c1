"""What the rows say of a VM whose console is wanted, as drivers take it."""

from hosting.provider.drivers.base import CannotDo, Console, ConsoleEvents
from hosting.provider.engine import specs
from hosting.provider.engine.driver import driver
from hosting.provider.models import Vm

_RELATED = ("host", "interface__ipv4__pool", "interface__ipv6__pool")


def is_owned(vm_id: int, handle: str) -> bool:
    """Whether the handle has this VM, still."""
    return Vm.objects.filter(pk=vm_id, account__handle__handle=handle).exclude(state=Vm.State.DELETED).exists()


def open_console(vm_id: int, events: ConsoleEvents) -> Console:
    """Open the console of a VM on the host on which it is now. May block for seconds.

    Raises:
        CannotDo: the VM does not run.
        HostAway: its host does not answer.
    """
    vm = Vm.objects.select_related(*_RELATED).prefetch_related("disks__os").filter(pk=vm_id).first()
    if vm is None or vm.host is None or not vm.made:
        raise CannotDo("The server is not running.")
    return driver().open_console(specs.host_ref(vm.host), specs.vm_spec(vm), events)
