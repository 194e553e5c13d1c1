"""Disks: create, read, delete, attach to a VM and detach from it."""

from typing import Any

from django.utils import timezone

from hosting.provider.engine import placement, projection
from hosting.provider.faults import Object, bad_state
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.structs import disk_struct
from hosting.provider.methods.vm import expected as expected_vm
from hosting.provider.methods.vm import vm_allows
from hosting.provider.models import Disk, Operation, Vm
from hosting.provider.rules import capacity, validation, values

DISK_ID = Param("disk_id", "int", Object.DISK)
VM_ID = Param("vm_id", "int", Object.VM)
LINK = tuple({"disk_id": DISK_ID, "vm_id": VM_ID}[name] for name in values.DISK_LINK_ARGUMENTS)


def _check_create(specs: dict[str, Any]) -> None:
    validation.disk_specs(specs)


@method("disk_create", Param("specs", "struct", Object.DISK, ints=("size",)), check=_check_create, writes=True)
def disk_create(call: Call, specs: dict[str, Any]) -> int:
    """Create a data disk; the answer is its id."""
    account = call.account
    call.may_write()
    clean = validation.disk_specs(specs)
    capacity.require(account, disk_mb=clean["size"])
    host = placement.for_disk(account, disk_mb=clean["size"])
    now = timezone.now()
    disk = Disk.objects.create(account=account, host=host, date_created=now, date_updated=now, **clean)
    call.accept("disk_create", {"disk_id": disk.pk, **clean}, disk=disk)
    return disk.pk


@method("disk_info", DISK_ID)
def disk_info(call: Call, disk_id: int) -> dict[str, Any]:
    disk = call.disk(disk_id)
    call.owned(disk)
    return disk_struct(disk)


@method("disk_list")
def disk_list(call: Call) -> list[int]:
    disks = call.account.disks.exclude(state=Disk.State.DELETED)
    return list(disks.order_by("pk").values_list("pk", flat=True))


def _expected(disk: Disk) -> projection.DiskView:
    return projection.disk_expected(disk, disk.operations.filter(state__in=Operation.OPEN).order_by("pk"))


def _allows(kind: str, view: projection.DiskView, disk: Disk) -> None:
    if view.state not in values.DISK_MOVES[kind][0]:
        raise bad_state(Object.DISK, "disk_id", disk.pk, f"not possible: the disk is {view.state}")


@method("disk_delete", DISK_ID, writes=True)
def disk_delete(call: Call, disk_id: int) -> int:
    disk = call.disk(disk_id)
    call.owned(disk)
    call.may_write()
    _allows("disk_delete", _expected(disk), disk)
    return call.accept("disk_delete", {"disk_id": disk_id}, disk=disk).pk


def _both(call: Call, arguments: tuple[int, ...]) -> tuple[Disk, Vm]:
    """The disk and the VM of an attach or detach, whichever order `rules.DISK_LINK_ARGUMENTS` gives them."""
    ids = dict(zip(values.DISK_LINK_ARGUMENTS, arguments, strict=True))
    disk, vm = call.disk(ids["disk_id"]), call.vm(ids["vm_id"])
    call.owned(disk, vm)
    call.may_write()
    return disk, vm


@method("disk_attach", *LINK, writes=True)
def disk_attach(call: Call, *arguments: int) -> int:
    disk, vm = _both(call, arguments)
    _allows("disk_attach", _expected(disk), disk)
    vm_allows("disk_attach", expected_vm(vm), vm)
    coming = vm.operations.filter(state__in=Operation.OPEN, type="disk_attach").count()
    if vm.disks.count() + coming >= values.VM_DISKS_MAX:
        raise bad_state(Object.VM, "vm_id", vm.pk, f"{values.VM_DISKS_MAX} disks are the most a VM can have")
    if disk.host_id and placement.host_id_of(vm) not in {None, disk.host_id}:
        raise bad_state(Object.DISK, "disk_id", disk.pk, "the disk and the VM are on different hosts")
    return call.accept("disk_attach", {"disk_id": disk.pk, "vm_id": vm.pk}, disk=disk, vm=vm).pk


@method("disk_detach", *LINK, writes=True)
def disk_detach(call: Call, *arguments: int) -> int:
    """A system disk leaves only a halted VM."""
    disk, vm = _both(call, arguments)
    view, vm_view = _expected(disk), expected_vm(vm)
    _allows("disk_detach", view, disk)
    if view.vm_id != vm.pk:
        raise bad_state(Object.DISK, "disk_id", disk.pk, f"not attached to VM {vm.pk}")
    vm_allows("disk_detach", vm_view, vm)
    if disk.type == Disk.Type.SYSTEM and vm_view.state != Vm.State.HALTED:
        raise bad_state(Object.DISK, "disk_id", disk.pk, "a system disk leaves only a halted VM")
    return call.accept("disk_detach", {"disk_id": disk.pk, "vm_id": vm.pk}, disk=disk, vm=vm).pk
