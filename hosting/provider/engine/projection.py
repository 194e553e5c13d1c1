"""What a VM or disk will be when the operations accepted so far are done.

Operations on one object run one after another in order, so a call is judged by the state its predecessors
leave, not by the state of the moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from hosting.provider.faults import Cause, DataFault, Object
from hosting.provider.models import Disk, Operation, Vm
from hosting.provider.rules import values


@dataclass(frozen=True)
class VmView:
    """A VM as far as later operations depend on it. Memory in MB."""

    state: str
    shares: int
    cores: int
    vm_max_memory: int


@dataclass(frozen=True)
class DiskView:
    state: str
    vm_id: int | None


def vm_now(vm: Vm) -> VmView:
    return VmView(vm.state, vm.shares, vm.cores, vm.vm_max_memory)


def vm_updated(view: VmView, specs: dict[str, Any]) -> VmView:
    """`view` after a `vm_update`. Memory grows with shares, and on a halted VM the maximum grows along."""
    shares = specs.get("shares", view.shares)
    maximum = specs.get("vm_max_memory", max(view.vm_max_memory, shares * values.SHARE_MEMORY_MB))
    return VmView(view.state, shares, specs.get("cpu", view.cores), maximum)


def state_after(operation: Operation) -> str | None:
    """The state in which an operation leaves its VM; None: the one it has.

    Version 1 has no method that pauses: the provider pauses with a `vm_stop` that names its reason.
    """
    if operation.type == "vm_stop" and operation.params.get("reason") == values.SHARES_ENDED:
        return Vm.State.PAUSED
    return values.VM_MOVES[operation.type][1]


def vm_expected(vm: Vm, open_operations: Iterable[Operation]) -> VmView:
    """`vm` once `open_operations` (in order of id) are done."""
    view = vm_now(vm)
    for operation in open_operations:
        if operation.type == "vm_update":
            view = vm_updated(view, operation.params)
        else:
            view = replace(view, state=state_after(operation) or view.state)
    return view


def disk_expected(disk: Disk, open_operations: Iterable[Operation]) -> DiskView:
    """`disk` once `open_operations` (in order of id) are done."""
    view = DiskView(disk.state, disk.vm_id)
    for operation in open_operations:
        state = values.DISK_MOVES[operation.type][1] or view.state
        view = DiskView(state, operation.vm_id if state == Disk.State.ATTACHED else None)
    return view


def vm_update_problem(view: VmView, specs: dict[str, Any]) -> DataFault | None:
    """Why a VM in that state cannot be updated so, or None.

    More memory than `vm_max_memory`, or another `vm_max_memory`, needs a halted VM (API, `vm_update`).
    """
    wanted = vm_updated(view, specs)
    memory = wanted.shares * values.SHARE_MEMORY_MB
    if wanted.cores > wanted.shares:
        return DataFault(Object.VM, Cause.STATE, "at most one CPU for each share", "cpu", wanted.cores)
    if "vm_max_memory" in specs and memory > specs["vm_max_memory"]:
        reason = f"below the memory of its shares, {memory} MB"
        return DataFault(Object.VM, Cause.STATE, reason, "vm_max_memory", specs["vm_max_memory"])
    if wanted.vm_max_memory != view.vm_max_memory and view.state != Vm.State.HALTED:
        reason = f"the VM must be halted to be granted more than {view.vm_max_memory} MB, or another maximum"
        return DataFault(Object.VM, Cause.STATE, reason, "vm_max_memory", wanted.vm_max_memory)
    return None
