"""Write a reading to the mirror in one transaction, and record external changes.

Several workers read an account at the same time. If a row was written after a reading began, nobody knows which of the
two is newer: where they differ the row is left alone, and the caller reads the object again.

Decision: docs/decisions/0035-overlapping-readings-are-read-again.md
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.api import HostingAccount
from hosting.inventory import rows, samples
from hosting.inventory.models import AccountInfo, Change, Disk, MirrorRow, OsImage, Product, Vm
from hosting.inventory.reading import Reading

# Properties whose external changes are recorded.
_WATCHED = {
    "vm": ("hostname", "state", "shares", "cores", "memory_mb", "vm_max_memory_mb", "os_id"),
    "disk": ("name", "size_mb", "fstype", "state", "vm_remote_id"),
    "product": ("product_name", "quantity", "date_end", "is_in_redemption"),
}

# Tells whether an operation of Sharedeck explains a change of an object, given by type, id and name.
Explained = Callable[[str, int, str], bool]


def no_change_explained(_type: str, _remote_id: int, _name: str) -> bool:
    return False


@dataclass
class Disputed:
    """What was written by another reading after this one began, and differs from it."""

    vms: set[int] = field(default_factory=set)
    disks: set[int] = field(default_factory=set)
    account_data: bool = False

    def __bool__(self) -> bool:
        return bool(self.vms or self.disks or self.account_data)


def apply(account: Account, reading: Reading, *, explained: Explained = no_change_explained) -> Disputed:
    """Write a reading in one transaction. Changes that no operation of Sharedeck explains are stored as `Change`.

    Return what was not written and must be read again.
    """
    is_first_import = account.mirrored_at is None
    disputed = Disputed()
    with transaction.atomic():
        # One reading of an account at a time: on PostgreSQL, two could insert the same object.
        locked = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        # An object that has vanished has no row that could tell when.
        may_have_vanished = locked.vanished_at is not None and locked.vanished_at > reading.read_at
        changes, disputed.vms = _merge(
            account, Vm, "vm", _vm_rows(reading), reading.gone_vms, reading.read_at, may_have_vanished
        )
        disk_changes, disputed.disks = _merge(
            account, Disk, "disk", _disk_rows(account, reading), reading.gone_disks, reading.read_at, may_have_vanished
        )
        changes += disk_changes
        if any(change.what == Change.What.VANISHED for change in changes):
            Account.objects.filter(pk=account.pk).update(vanished_at=timezone.now())
        if reading.info is not None:
            info_changes, disputed.account_data = _apply_account_data(account, reading, reading.info)
            changes += info_changes
        if reading.os_images is not None:
            found = {image.os_id: rows.os_image(image, reading.read_at) for image in reading.os_images}
            known = set(OsImage.objects.filter(account=account).values_list("remote_id", flat=True))
            changes += _merge(account, OsImage, "os_image", found, known - found.keys(), reading.read_at)[0]
        if changes:
            if not is_first_import:
                _record(account, changes, explained)
            versions.bump(account.pk)
    return disputed


def _record(account: Account, changes: list[Change], explained: Explained) -> None:
    """Store the changes that nothing explains. An object that was read while it was being created is added once: its
    first other state is part of that.
    """
    external = [
        change
        for change in changes
        if change.object_type in _WATCHED
        and (change.what != Change.What.CHANGED or change.after)
        and not explained(change.object_type, change.remote_id, change.name)
    ]
    added = {
        (row.object_type, row.remote_id): row
        for row in Change.objects.filter(
            account=account,
            what=Change.What.APPEARED,
            remote_id__in=[each.remote_id for each in external if _is_created(each)],
        )
    }
    for change in list(external):
        earlier = added.get((change.object_type, change.remote_id)) if _is_created(change) else None
        if earlier is not None:
            earlier.after.update(change.after)
            earlier.save(update_fields=["after"])
            external.remove(change)
    Change.objects.bulk_create(external)


def _is_created(change: Change) -> bool:
    """Whether it is the end of an object's creation."""
    return bool(change.before.get("state") == Vm.State.BEING_CREATED)


def _vm_rows(reading: Reading) -> dict[int, dict[str, Any]]:
    return {vm_id: rows.vm(vm, reading.read_at) for vm_id, vm in reading.vms.items()}


def _disk_rows(account: Account, reading: Reading) -> dict[int, dict[str, Any]]:
    """Disks that were read one by one, and those read with their server, which also gives their order.

    The position and device of a disk are kept as long as it stays where it is.
    """
    known = {
        disk_id: (vm_id, position, device)
        for disk_id, vm_id, position, device in Disk.objects.filter(
            account=account, remote_id__in=reading.disk_ids
        ).values_list("remote_id", "vm_remote_id", "position", "device")
    }
    found = {disk_id: rows.disk(disk, reading.read_at) for disk_id, disk in reading.disks.items()}
    for disk_id, row in found.items():
        vm_id, position, _device = known.get(disk_id, (None, None, ""))
        row["position"] = position if row["vm_remote_id"] == vm_id else None
    for vm in reading.vms.values():
        order = {disk_id: position for position, disk_id in enumerate(vm.disks_id)}
        for disk in vm.disks:
            row = found.get(disk.id) or rows.disk(disk, reading.read_at)
            found[disk.id] = {**row, "position": order.get(disk.id)}
    for disk_id, row in found.items():
        vm_id, position, device = known.get(disk_id, (None, None, ""))
        row["device"] = device if (row["vm_remote_id"], row["position"]) == (vm_id, position) else ""
    return found


def _merge(
    account: Account,
    model: type[MirrorRow],
    object_type: str,
    found: dict[int, dict[str, Any]],
    gone: set[int],
    read_at: datetime,
    may_have_vanished: bool = False,
) -> tuple[list[Change], set[int]]:
    """Insert, update and delete rows of one type. Return what has changed, and the ids that are disputed.

    Args:
        may_have_vanished: whether what has no row may have been removed since this reading began.
    """
    manager, now = model._default_manager, timezone.now()
    current = {row.remote_id: row for row in manager.filter(account=account, remote_id__in=[*found, *gone])}
    may_be_newer = {remote_id for remote_id, row in current.items() if row.written_at > read_at}
    disputed = {remote_id for remote_id in gone if remote_id in may_be_newer}
    if may_have_vanished:
        disputed |= found.keys() - current.keys()
    appeared, changed, same, changes = [], [], [], []

    def change(what: str, remote_id: int, name: str, **sides: dict[str, Any]) -> None:
        changes.append(
            Change(account=account, what=what, object_type=object_type, remote_id=remote_id, name=name[:255], **sides)
        )

    watched = _WATCHED.get(object_type, ())
    for remote_id, values in found.items():
        row = current.get(remote_id)
        if remote_id in disputed:
            continue
        if row is None:
            appeared.append(model(account=account, **values))
            change(Change.What.APPEARED, remote_id, _name(values), after=_plain(values, watched))
            continue
        before = {name: getattr(row, name) for name in values}
        differing = [name for name in values if name != "read_at" and before[name] != values[name]]
        if not differing:
            same.append(row)
        elif remote_id in may_be_newer:
            disputed.add(remote_id)
        else:
            for name, value in values.items():
                setattr(row, name, value)
            row.written_at = now
            changed.append(row)
            told = [name for name in differing if name in watched]
            change(
                Change.What.CHANGED, remote_id, _name(values), before=_plain(before, told), after=_plain(values, told)
            )
    vanished = [current[remote_id] for remote_id in gone - disputed if remote_id in current]
    for row in vanished:
        values = {name: getattr(row, name) for name in watched}
        change(Change.What.VANISHED, row.remote_id, _name(values), before=_plain(values, watched))

    manager.bulk_create(appeared)
    if changed:
        columns = [name for name in next(iter(found.values())) if name != "remote_id"]
        manager.bulk_update(changed, [*columns, "written_at"], batch_size=200)
    manager.filter(pk__in=[row.pk for row in same]).update(read_at=Greatest("read_at", Value(read_at)), written_at=now)
    manager.filter(pk__in=[row.pk for row in vanished]).delete()
    return changes, disputed


def _name(values: dict[str, Any]) -> str:
    return str(values.get("hostname") or values.get("name") or values.get("product_name") or "")


def _plain(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The named values as JSON."""
    return {
        name: value.isoformat() if isinstance(value := values[name], datetime) else value
        for name in names
        if name in values
    }


def _apply_account_data(account: Account, reading: Reading, info: HostingAccount) -> tuple[list[Change], bool]:
    """Write products, capacity and balance. A change increases the version like any other.

    Return what has changed, and whether all of it is disputed.
    """
    values = rows.info(info, reading.read_at)
    if reading.currency is not None:
        values["currency"] = reading.currency[:3]
    if reading.balance is not None:
        values["balance"] = round(reading.balance, 2)
    if reading.prices is not None:
        values["prices"] = {name: str(unit) for name, unit in reading.prices.items()}
    before = AccountInfo.objects.filter(account=account).first()
    if before is None and (reading.currency is None or reading.balance is None):
        # A first reading without the balance is not enough for a row.
        return [], False
    if before is not None and before.written_at > reading.read_at:
        return [], True
    products = {product.id: rows.product(product, reading.read_at) for product in info.products}
    known = set(Product.objects.filter(account=account).values_list("remote_id", flat=True))
    changes, _ = _merge(account, Product, "product", products, known - products.keys(), reading.read_at)
    AccountInfo.objects.update_or_create(account=account, defaults={**values, "written_at": timezone.now()})
    samples.record(account, reading.read_at, before=before, info=values)
    if before is None or any(getattr(before, name) != value for name, value in values.items() if name != "read_at"):
        changes.append(Change(account=account, what=Change.What.CHANGED, object_type="info", remote_id=0))
    return changes, False
