"""Write a reading to the mirror in one transaction, and record external changes."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from hosting.accounts import versions
from hosting.accounts.models import Account
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


def apply(account: Account, reading: Reading, *, explained: Explained = no_change_explained) -> None:
    """Write a reading in one transaction. Changes that no operation of Sharedeck explains are stored as `Change`."""
    is_first_import = account.mirrored_at is None
    with transaction.atomic():
        # One reading of an account at a time: on PostgreSQL, two could insert the same object.
        Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        changes = [
            *_merge(account, Vm, "vm", _vm_rows(reading), reading.gone_vms, reading.read_at),
            *_merge(account, Disk, "disk", _disk_rows(account, reading), reading.gone_disks, reading.read_at),
        ]
        changes += _apply_account_data(account, reading)
        if reading.os_images is not None:
            found = {image.os_id: rows.os_image(image, reading.read_at) for image in reading.os_images}
            known = set(OsImage.objects.filter(account=account).values_list("remote_id", flat=True))
            changes += _merge(account, OsImage, "os_image", found, known - found.keys(), reading.read_at)
        if changes:
            if not is_first_import:
                Change.objects.bulk_create(
                    change
                    for change in changes
                    if change.object_type in _WATCHED
                    and (change.what != Change.What.CHANGED or change.after)
                    and not explained(change.object_type, change.remote_id, change.name)
                )
            versions.bump(account.pk)


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
) -> list[Change]:
    """Insert, update and delete rows of one type. Returns what has changed.

    Rows read after this reading began are newer, and are left alone.
    """
    manager = model._default_manager
    current = {row.remote_id: row for row in manager.filter(account=account, remote_id__in=[*found, *gone])}
    newer = {remote_id for remote_id, row in current.items() if row.read_at > read_at}
    appeared, changed, changes = [], [], []

    def change(what: str, remote_id: int, name: str, **sides: dict[str, Any]) -> None:
        changes.append(
            Change(account=account, what=what, object_type=object_type, remote_id=remote_id, name=name[:255], **sides)
        )

    watched = _WATCHED.get(object_type, ())
    for remote_id, values in found.items():
        row = current.get(remote_id)
        if remote_id in newer:
            continue
        if row is None:
            appeared.append(model(account=account, **values))
            change(Change.What.APPEARED, remote_id, _name(values), after=_plain(values, watched))
            continue
        before = {name: getattr(row, name) for name in values}
        differing = [name for name in values if name != "read_at" and before[name] != values[name]]
        if differing:
            for name, value in values.items():
                setattr(row, name, value)
            changed.append(row)
            told = [name for name in differing if name in watched]
            change(
                Change.What.CHANGED, remote_id, _name(values), before=_plain(before, told), after=_plain(values, told)
            )
    vanished = [current[remote_id] for remote_id in gone - newer if remote_id in current]
    for row in vanished:
        values = {name: getattr(row, name) for name in watched}
        change(Change.What.VANISHED, row.remote_id, _name(values), before=_plain(values, watched))

    manager.bulk_create(appeared)
    if changed:
        columns = [name for name in next(iter(found.values())) if name != "remote_id"]
        manager.bulk_update(changed, columns, batch_size=200)
    same = [row.pk for key, row in current.items() if key in found.keys() - newer and row not in changed]
    manager.filter(pk__in=same).update(read_at=read_at)
    manager.filter(pk__in=[row.pk for row in vanished]).delete()
    return changes


def _name(values: dict[str, Any]) -> str:
    return str(values.get("hostname") or values.get("name") or values.get("product_name") or "")


def _plain(values: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The named values as JSON."""
    return {
        name: value.isoformat() if isinstance(value := values[name], datetime) else value
        for name in names
        if name in values
    }


def _apply_account_data(account: Account, reading: Reading) -> list[Change]:
    """Write products, capacity and balance. A change increases the version like any other."""
    if reading.info is None:
        return []
    values = rows.info(reading.info, reading.read_at)
    if reading.currency is not None:
        values["currency"] = reading.currency[:3]
    if reading.balance is not None:
        values["balance"] = round(reading.balance, 2)
    if reading.prices is not None:
        values["prices"] = {name: str(unit) for name, unit in reading.prices.items()}
    before = AccountInfo.objects.filter(account=account).first()
    if before is None and (reading.currency is None or reading.balance is None):
        # A first reading without the balance is not enough for a row.
        return []
    if before is not None and before.read_at > reading.read_at:
        # A newer reading was written already.
        return []
    products = {product.id: rows.product(product, reading.read_at) for product in reading.info.products}
    known = set(Product.objects.filter(account=account).values_list("remote_id", flat=True))
    changes = _merge(account, Product, "product", products, known - products.keys(), reading.read_at)
    AccountInfo.objects.update_or_create(account=account, defaults=values)
    samples.record(account, reading.read_at, before=before, info=values)
    if before is None or any(getattr(before, name) != value for name, value in values.items() if name != "read_at"):
        changes.append(Change(account=account, what=Change.What.CHANGED, object_type="info", remote_id=0))
    return changes
