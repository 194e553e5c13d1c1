"""Apply the result of an operation to VMs, disks, products and money, in the engine's transaction."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import F, QuerySet
from django.utils import timezone

from hosting.provider import ledger
from hosting.provider.engine import address_pools, projection
from hosting.provider.models import Address, Disk, HostingAccount, Operation, Product, UsageSample, Vm
from hosting.provider.rules import products, validation, values
from hosting.provider.rules.periods import add_months


class CannotComplete(Exception):  # noqa: N818
    """Something that the operation needs is gone; the text says what."""


def _vms(operation: Operation) -> QuerySet[Vm]:
    return Vm.objects.filter(pk=operation.vm_id or 0)


def _disks(operation: Operation) -> QuerySet[Disk]:
    return Disk.objects.filter(pk=operation.disk_id or 0)


def _products(operation: Operation) -> QuerySet[Product]:
    return Product.objects.filter(pk=operation.product_id or 0)


def problem_at_start(operation: Operation) -> str:
    """Why an accepted operation cannot be begun after all, in words, or the empty string.

    It was accepted on what its predecessors would leave; one of them may have failed or been cancelled.
    """
    if operation.vm:
        if operation.vm.state not in values.VM_MOVES[operation.type][0]:
            return f"the VM is {operation.vm.state}"
        if operation.type == "vm_update":
            fault = projection.vm_update_problem(projection.vm_now(operation.vm), operation.params)
            return fault.text if fault else ""
        if operation.type == "vm_start" and not operation.vm.disks.filter(position=0).exists():
            return "the VM has no disk to boot from"
    if operation.disk and operation.disk.state not in values.DISK_MOVES[operation.type][0]:
        return f"the disk is {operation.disk.state}"
    needs_disk_of_vm = operation.type in {"disk_detach", values.REINSTALL}
    if needs_disk_of_vm and operation.disk and operation.disk.vm_id != operation.vm_id:
        return "the disk is attached to another VM"
    return ""


def free_position(vm: Vm, disk: Disk) -> int:
    """Where `disk` goes: a system disk to a free 0, any other one to the lowest place after it."""
    taken = set(vm.disks.values_list("position", flat=True))
    if disk.type == Disk.Type.SYSTEM and 0 not in taken:
        return 0
    return next(place for place in range(1, len(taken) + 2) if place not in taken)


def complete(operation: Operation) -> None:
    """Write what a successful operation changed.

    Raises:
        CannotComplete: when it must end in ERROR instead.
    """
    COMPLETE[operation.type](operation)


def _vm_moved(operation: Operation) -> None:
    """The VM runs, is halted, or is paused because its shares ended."""
    ended = operation.params.get("shares_ended")
    state = projection.state_after(operation)
    _vms(operation).update(
        state=state,
        wanted=Vm.Wanted.RUNNING if state == Vm.State.RUNNING else Vm.Wanted.HALTED,
        shares_ended=datetime.fromisoformat(ended) if ended else None,
        date_updated=timezone.now(),
    )


def _vm_started(operation: Operation) -> None:
    """The first start of a VM makes what was a row alone, and all of its disks. The guest has its password now."""
    _vms(operation).update(sealed_password="")
    if operation.vm and not operation.vm.made:
        _vms(operation).update(made=True)
        operation.vm.disks.update(made=True)
    _vm_moved(operation)


def _vm_created(operation: Operation) -> None:
    now = timezone.now()
    _vms(operation).update(state=Vm.State.RUNNING, made=True, date_updated=now)
    _disks(operation).update(state=Disk.State.ATTACHED, made=True, date_updated=now)


def _vm_updated(operation: Operation) -> None:
    vm = _vms(operation).get()
    view = projection.vm_updated(projection.vm_now(vm), operation.params)
    Vm.objects.filter(pk=vm.pk).update(
        shares=view.shares, cores=view.cores, vm_max_memory=view.vm_max_memory, date_updated=timezone.now()
    )


def _vm_deleted(operation: Operation) -> None:
    """The system disk goes with its VM; data disks are detached and kept."""
    now = timezone.now()
    disks = Disk.objects.filter(vm__in=_vms(operation))
    disks.filter(type=Disk.Type.SYSTEM, position=0).update(
        state=Disk.State.DELETED, vm=None, position=None, date_updated=now
    )
    disks.update(state=Disk.State.CREATED, vm=None, position=None, date_updated=now)
    address_pools.release(_vms(operation))
    UsageSample.objects.filter(vm__in=_vms(operation)).delete()
    _vms(operation).update(state=Vm.State.DELETED, ssh_keys=[], sealed_password="", date_updated=now)


def _vm_renamed(operation: Operation) -> None:
    _vms(operation).update(hostname=operation.params["hostname"], date_updated=timezone.now())


def _vm_reinstalled(operation: Operation) -> None:
    """The system disk has another content. The password waits for the first start, which hands it to the guest."""
    now = timezone.now()
    system = operation.params["os_id"]
    _disks(operation).update(os=system, generation=F("generation") + 1, date_updated=now)
    _vms(operation).update(os=system, sealed_password=operation.sealed_password, date_updated=now)


def _address_named(operation: Operation) -> None:
    found = address_pools.with_id(operation.params["ip_id"])
    if found is None:
        raise CannotComplete("the address is gone")
    Address.objects.filter(pk=found[1].pk).update(reverse=operation.params["name"])
    _vms(operation).update(date_updated=timezone.now())


def disks_beside(operation: Operation) -> list[int]:
    """The disks, other than its own, that an operation will change: deleting a VM detaches those attached to it."""
    if operation.type != "vm_delete":
        return []
    return list(Disk.objects.filter(vm__in=_vms(operation)).values_list("pk", flat=True))


def _disk_created(operation: Operation) -> None:
    _disks(operation).update(state=Disk.State.CREATED, made=True, date_updated=timezone.now())


def _disk_deleted(operation: Operation) -> None:
    _disks(operation).update(state=Disk.State.DELETED, date_updated=timezone.now())


def _disk_attached(operation: Operation) -> None:
    if operation.vm is None or operation.disk is None:
        raise CannotComplete("the VM or the disk is gone")
    now = timezone.now()
    position = free_position(operation.vm, operation.disk)
    _disks(operation).update(state=Disk.State.ATTACHED, vm=operation.vm, position=position, date_updated=now)
    if operation.vm.made:
        _disks(operation).update(host=operation.vm.host, made=True)
    _vms(operation).update(date_updated=now)


def _disk_detached(operation: Operation) -> None:
    now = timezone.now()
    _disks(operation).update(state=Disk.State.CREATED, vm=None, position=None, date_updated=now)
    _vms(operation).update(date_updated=now)


def terms_of(product: Product) -> products.Terms:
    return products.Terms(product.quantity, product.date_end, product.unit_price, product.anchor_day)


def _pay(operation: Operation, terms: products.Terms) -> None:
    """Move the money of a product operation, at the price and the moment of its acceptance."""
    # One payment of an account at a time, so that two cannot both find the balance sufficient.
    handle = HostingAccount.objects.select_for_update().get(pk=operation.account_id).handle
    amount = products.cost(operation.type, terms, operation.params, operation.unit_price, operation.date_created)
    if amount > 0 and amount > ledger.balance(handle):
        raise CannotComplete("the balance is too low")
    ledger.charge(handle, amount, f"{operation.type} #{operation.pk}", operation)


def _product_added(operation: Operation) -> None:
    product = _products(operation).select_for_update().get()
    _pay(operation, terms_of(product))
    # Whole seconds, as the wire has them: a client can work out what is left to the second.
    now = timezone.now().replace(microsecond=0)
    end = add_months(now, validation.duration_months(operation.params["duration"]), now.day)
    Product.objects.filter(pk=product.pk).update(
        state=Product.State.ACTIVE, date_created=now, date_end=end, anchor_day=now.day
    )


def _product_changed(operation: Operation) -> None:
    product = _products(operation).select_for_update().get()
    terms = terms_of(product)
    if product.state == Product.State.REMOVED:
        raise CannotComplete("the product was removed")
    _pay(operation, terms)
    terms = products.after(operation.type, terms, operation.params, operation.unit_price)
    Product.objects.filter(pk=product.pk).update(
        quantity=terms.quantity,
        date_end=terms.date_end,
        unit_price=terms.unit_price,
        duration=operation.params.get("duration", product.duration),
        state=Product.State.REMOVED if terms.removed else Product.State.ACTIVE,
    )


COMPLETE: dict[str, Callable[[Operation], None]] = {
    products.ADD: _product_added,
    products.RENEW: _product_changed,
    products.REMOVE: _product_changed,
    products.UPDATE: _product_changed,
    "vm_create": _vm_created,
    "vm_update": _vm_updated,
    "vm_delete": _vm_deleted,
    "vm_start": _vm_started,
    "vm_stop": _vm_moved,
    "vm_reboot": _vm_moved,
    "disk_create": _disk_created,
    "disk_delete": _disk_deleted,
    "disk_attach": _disk_attached,
    "disk_detach": _disk_detached,
    values.RENAME: _vm_renamed,
    values.REINSTALL: _vm_reinstalled,
    values.REVERSE: _address_named,
}


def fail(operation: Operation) -> None:
    """Mark objects whose creation failed."""
    _not_created(operation, Vm.State.INVALID, Disk.State.ERROR)


def cancel(operation: Operation) -> None:
    """Delete objects whose creation was cancelled."""
    _not_created(operation, Vm.State.DELETED, Disk.State.DELETED)


def _not_created(operation: Operation, vm_state: Vm.State, disk_state: Disk.State) -> None:
    now = timezone.now()
    if operation.type == products.ADD:
        _products(operation).update(state=Product.State.REMOVED)
    if operation.type == "vm_create":
        address_pools.release(_vms(operation))
        _vms(operation).update(state=vm_state, ssh_keys=[], date_updated=now)
    if operation.type in {"vm_create", "disk_create"}:
        _disks(operation).update(state=disk_state, vm=None, position=None, date_updated=now)
