"""Extensions: rename a VM, install it anew, and name its addresses in the DNS (docs/extensions.md)."""

from django.views.decorators.debug import sensitive_variables

from hosting.provider.engine import address_pools
from hosting.provider.faults import Cause, DataFault, Object, bad_state, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.vm import VM_ID, expected, vm_allows
from hosting.provider.models import Address, Disk, Operation, OsImage, Vm
from hosting.provider.rules import validation, values


def _check_rename(_vm_id: int, hostname: str) -> None:
    validation.hostname(hostname)


@method(values.RENAME, VM_ID, Param("hostname", "string", Object.VM), check=_check_rename, writes=True)
def rename(call: Call, vm_id: int, hostname: str) -> int:
    """Give a VM another host name; the answer is the id of the operation. The guest takes it when it boots next."""
    vm = call.vm(vm_id)
    call.owned(vm)
    call.may_write()
    vm_allows(values.RENAME, expected(vm), vm)
    return call.accept(values.RENAME, {"vm_id": vm_id, "hostname": hostname}, vm=vm).pk


@sensitive_variables("password")
def _check_reinstall(_vm_id: int, _os_id: int, password: str) -> None:
    validation.password(password)


@method(
    values.REINSTALL,
    VM_ID,
    Param("os_id", "int", Object.OS),
    Param("password", "string", Object.PASSWORD),
    check=_check_reinstall,
    writes=True,
)
@sensitive_variables("password")
def reinstall(call: Call, vm_id: int, os_id: int, password: str) -> int:
    """Make the system disk of a halted VM anew from an operating system; the answer is the id of the operation.

    What was on it is lost. Data disks, addresses and the size of the system disk stay, and the VM stays halted.
    """
    vm = call.vm(vm_id)
    image = OsImage.objects.filter(pk=os_id, offered=True).first()
    if image is None:
        raise not_found(Object.OS, "os_id", os_id)
    call.owned(vm)
    call.may_write()
    vm_allows(values.REINSTALL, expected(vm), vm)
    disk = _system_disk(vm)
    if image.min_disk > disk.size:
        reason = f"it needs {image.min_disk} MB, and the system disk has {disk.size} MB"
        raise bad_state(Object.OS, "os_id", os_id, reason)
    params = {"vm_id": vm_id, "hostname": vm.hostname, "os_id": os_id}
    return call.accept(values.REINSTALL, params, vm=vm, disk=disk, password=password).pk


def _system_disk(vm: Vm) -> Disk:
    """The disk that a VM boots from. Raises fault 580160 when it has none, or is about to lose it."""
    leaving = Operation.objects.filter(state__in=Operation.OPEN, type="disk_detach").values("disk")
    disk = vm.disks.filter(position=0).exclude(pk__in=leaving).first()
    if disk is None:
        raise DataFault(Object.VM, Cause.STATE, "the VM has no disk to boot from", "vm_id", vm.pk)
    return disk


def _check_reverse(_ip_id: int, name: str) -> None:
    if name:
        validation.hostname(name, "name")


@method(
    values.REVERSE,
    Param("ip_id", "int", Object.VM),
    Param("name", "string", Object.VM),
    check=_check_reverse,
    writes=True,
)
def reverse(call: Call, ip_id: int, name: str) -> int:
    """Name an address in the DNS; the answer is the id of the operation. An empty name is the VM's host name again."""
    vm, address = _address(ip_id)
    call.owned(vm)
    call.may_write()
    vm_allows(values.REVERSE, expected(vm), vm)
    params = {"vm_id": vm.pk, "hostname": vm.hostname, "ip_id": ip_id, "ip": address.ip, "name": name}
    return call.accept(values.REVERSE, params, vm=vm).pk


def _address(ip_id: int) -> tuple[Vm, Address]:
    """The address with this id, of any account, and its VM. Raises fault 580140 when there is none."""
    found = address_pools.with_id(ip_id)
    if found is None:
        raise DataFault(Object.VM, Cause.MISSING, "no such address", "ip_id", ip_id)
    return found
