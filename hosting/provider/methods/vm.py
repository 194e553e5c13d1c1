"""VMs: create, read, change, move between states."""

from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from hosting.provider.engine import address_pools, placement, projection, shortage
from hosting.provider.faults import Cause, DataFault, Object, bad_state, bad_syntax, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.structs import link_struct, vm_struct
from hosting.provider.models import Disk, Operation, OsImage, Vm
from hosting.provider.rules import capacity, first_boot, validation, values
from hosting.provider.rules.quota import max_memory_mb

VM_ID = Param("vm_id", "int", Object.VM)
SPECS = Param("specs", "struct", Object.VM)
UPDATABLE = ("shares", "cpu", "vm_max_memory")
UPDATE_SPECS = Param("specs", "struct", Object.VM, ints=UPDATABLE)


@sensitive_variables("password", "specs")
def _check_create(
    hostname: str,
    password: str,
    os_id: int,
    shares: int,
    cpu: int,
    specs: dict[str, Any],
) -> None:
    login = validation.string(specs.get("login", ""), Object.VM, "login")
    first_boot.types(specs)
    validation.known_keys(specs, ("login", *first_boot.KEYS), Object.VM, "specs")
    validation.hostname(hostname)
    if login:
        validation.user_login(login)
    validation.password(password)
    validation.shares(shares)
    validation.cpu(cpu)
    validation.cpu_for_shares(cpu, shares)
    first_boot.check(specs)


@method(
    "vm_create",
    Param("hostname", "string", Object.VM),
    Param("password", "string", Object.PASSWORD),
    Param("os_id", "int", Object.OS),
    Param("shares", "int", Object.VM),
    Param("cpu", "int", Object.VM),
    SPECS,
    check=_check_create,
    writes=True,
)
@sensitive_variables("password", "specs")
def vm_create(
    call: Call, hostname: str, password: str, os_id: int, shares: int, cpu: int, specs: dict[str, Any]
) -> int:
    """Create a VM and its system disk; the answer is the id of the VM.

    `specs` takes `login`, a user besides root; `ssh_keys`, an array of at most 20 public keys with which both may log
    in; and `user_data`, a script (#!…) or a #cloud-config of at most 16 KiB for the first boot.
    """
    account = call.account
    image = OsImage.objects.filter(pk=os_id, offered=True).first()
    if image is None:
        raise not_found(Object.OS, "os_id", os_id)
    call.may_write()
    capacity.require(account, shares=shares, disk_mb=image.min_disk)
    memory_mb = max_memory_mb(shares)
    host = placement.for_vm(shares=shares, memory_mb=memory_mb, disk_mb=image.min_disk)
    now = timezone.now()
    vm = Vm.objects.create(
        account=account,
        hostname=hostname,
        os=image,
        login=specs.get("login", ""),
        ssh_keys=specs.get("ssh_keys", []),
        host=host,
        shares=shares,
        cores=cpu,
        vm_max_memory=memory_mb,
        date_created=now,
        date_updated=now,
    )
    disk = Disk.objects.create(
        account=account,
        name=f"sys_{hostname}"[:64],
        size=image.min_disk,
        fstype="ext3",
        type=Disk.Type.SYSTEM,
        os=image,
        host=host,
        vm=vm,
        position=0,
        date_created=now,
        date_updated=now,
    )
    address_pools.give(vm)
    params = {"vm_id": vm.pk, "hostname": hostname, "os_id": os_id, "shares": shares, "cpu": cpu}
    params["login"] = specs.get("login", "")
    secrets = {"password": password, "user_data": specs.get("user_data", "")}
    call.accept("vm_create", params, vm=vm, disk=disk, **secrets)
    return vm.pk


@method("vm_info", VM_ID)
def vm_info(call: Call, vm_id: int) -> dict[str, Any]:
    vm = call.vm(vm_id)
    call.owned(vm)
    return vm_struct(vm)


@method("vm_list")
def vm_list(call: Call) -> list[int]:
    vms = call.account.vms.exclude(state=Vm.State.DELETED)
    return list(vms.order_by("pk").values_list("pk", flat=True))


@method("vm_disk_list", VM_ID)
def vm_disk_list(call: Call, vm_id: int) -> list[int]:
    vm = call.vm(vm_id)
    call.owned(vm)
    return list(vm.disks.order_by("position").values_list("pk", flat=True))


@method("vm_disk_link", VM_ID, Param("disk_id", "int", Object.DISK))
def vm_disk_link(call: Call, vm_id: int, disk_id: int) -> dict[str, Any]:
    vm, disk = call.vm(vm_id), call.disk(disk_id)
    call.owned(vm, disk)
    if disk.vm_id != vm.pk:
        raise bad_state(Object.DISK, "disk_id", disk_id, f"not attached to VM {vm_id}")
    return link_struct(vm, disk)


def expected(vm: Vm) -> projection.VmView:
    """`vm` as the operations accepted so far will leave it."""
    return projection.vm_expected(vm, vm.operations.filter(state__in=Operation.OPEN).order_by("pk"))


def vm_allows(kind: str, view: projection.VmView, vm: Vm) -> None:
    """Raises fault 580160 unless a VM in that state allows the operation."""
    if view.state not in values.VM_MOVES[kind][0]:
        raise bad_state(Object.VM, "vm_id", vm.pk, f"not possible: the VM is {view.state}")


def _check_update(vm_id: int, specs: dict[str, Any]) -> None:
    validation.known_keys(specs, UPDATABLE, Object.VM, "specs")
    if not specs:
        raise bad_syntax(Object.VM, "specs", "", "nothing to update")
    if "shares" in specs:
        validation.shares(specs["shares"])
    if "cpu" in specs:
        validation.cpu(specs["cpu"])
    if "vm_max_memory" in specs:
        validation.vm_max_memory(specs["vm_max_memory"])
    if "shares" in specs and "cpu" in specs:
        validation.cpu_for_shares(specs["cpu"], specs["shares"])


@method("vm_update", VM_ID, UPDATE_SPECS, check=_check_update, writes=True)
def vm_update(call: Call, vm_id: int, specs: dict[str, Any]) -> int:
    vm = call.vm(vm_id)
    call.owned(vm)
    call.may_write()
    view = expected(vm)
    vm_allows("vm_update", view, vm)
    problem = projection.vm_update_problem(view, specs)
    if problem:
        raise problem
    if "shares" in specs:
        promised = [
            operation.params.get("shares", 0)
            for operation in vm.operations.filter(state__in=Operation.OPEN, type="vm_update")
        ]
        capacity.require(call.account, shares=specs["shares"] - max([vm.shares, *promised]))
    after = projection.vm_updated(view, specs)
    placement.require(vm.host, shares=after.shares - view.shares, memory_mb=after.vm_max_memory - view.vm_max_memory)
    return call.accept("vm_update", {"vm_id": vm_id, **specs}, vm=vm).pk


def _move(kind: str) -> None:
    """Register one of the methods that take a VM to another state and have no other argument."""

    @method(kind, VM_ID, writes=True)
    def run(call: Call, vm_id: int) -> int:
        vm = call.vm(vm_id)
        call.owned(vm)
        call.may_write()
        vm_allows(kind, expected(vm), vm)
        if kind == "vm_start" and not _has_boot_disk(vm):
            raise DataFault(Object.VM, Cause.STATE, "the VM has no disk to boot from", "vm_id", vm_id)
        if kind == "vm_start":
            _require_shares_to_run(vm)
            placement.place(vm)
        return call.accept(kind, {"vm_id": vm_id}, vm=vm).pk


def _require_shares_to_run(vm: Vm) -> None:
    """Raises fault 530160 unless the shares in force suffice for what runs and for `vm`."""
    free = capacity.granted_and_expired(vm.account)[0].shares - shortage.running_shares(vm.account)
    if vm.shares > free:
        reason = f"not enough shares: {max(0, free)} available for running VMs"
        raise bad_state(Object.PRODUCT, "shares", vm.shares, reason)


def _has_boot_disk(vm: Vm) -> bool:
    coming = vm.operations.filter(state__in=Operation.OPEN, type="disk_attach", disk__type=Disk.Type.SYSTEM)
    return vm.disks.filter(position=0).exists() or coming.exists()


for _kind in ("vm_start", "vm_stop", "vm_reboot", "vm_delete"):
    _move(_kind)
