"""Reading an account into the mirror: fetch, compare, apply in one transaction.

An idle round costs two calls here (`vm_list`, `disk_list`); objects that are new, or that an operation has touched,
are fetched in parallel, and the rest is re-read slowly so that every row has a greatest age.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.utils import timezone

from hosting import api
from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.inventory import rows
from hosting.inventory.models import AccountInfo, BalanceSample, Change, Disk, MirrorRow, OsImage, Product, Vm

Row = TypeVar("Row")

# Objects fetched and saved at a time: small enough to see a long import move, large enough to fill the connections.
_CHUNK = 100
# What a person would want to be told of when it changes outside.
_WATCHED = {
    "vm": ("hostname", "state", "shares", "cores", "memory_mb", "vm_max_memory_mb", "os_id"),
    "disk": ("name", "size_mb", "fstype", "state", "vm_remote_id"),
    "product": ("product_name", "quantity", "date_end", "is_in_redemption"),
}

# Whether an operation of Sharedeck explains that this object (type, id, name) has changed.
Explained = Callable[[str, int, str], bool]


def nothing_explained(_type: str, _remote_id: int, _name: str) -> bool:
    return False


@dataclass
class Reading:
    """What one or several calls said. A list of ids that was read completely is given; None says nothing."""

    read_at: datetime = field(default_factory=timezone.now)
    vms: dict[int, api.Vm] = field(default_factory=dict)
    disks: dict[int, api.Disk] = field(default_factory=dict)
    gone_vms: set[int] = field(default_factory=set)
    gone_disks: set[int] = field(default_factory=set)
    info: api.HostingAccount | None = None
    balance: "tuple[str, Any] | None" = None
    os_images: "list[api.OsImage] | None" = None


def sweep(session: ApiSession, *, explained: Explained, reread_before: datetime | None = None) -> None:
    """One round: find what is new and what is gone, and re-read what was last read before `reread_before`.

    Raises:
        hosting.api.ApiError: a list could not be read; what was read before stays.
    """
    account = session.account
    gone = Reading()
    vm_ids, disk_ids = session.call(api.Client.vm_list), session.call(api.Client.disk_list)
    known_vms = dict(Vm.objects.filter(account=account).values_list("remote_id", "read_at"))
    known_disks = dict(Disk.objects.filter(account=account).values_list("remote_id", "read_at"))
    gone.gone_vms, gone.gone_disks = known_vms.keys() - set(vm_ids), known_disks.keys() - set(disk_ids)
    apply(account, gone, explained=explained)

    def wanted(listed: Iterable[int], known: dict[int, datetime]) -> list[int]:
        return [
            remote_id
            for remote_id in listed
            if remote_id not in known or (reread_before is not None and known[remote_id] < reread_before)
        ]

    read_vms = wanted(vm_ids, known_vms)
    for chunk in _chunks(read_vms):
        refresh(session, vms=chunk, explained=explained)
    # `vm_info` brings the server's disks along: what is left are free disks.
    known_disks = dict(Disk.objects.filter(account=account).values_list("remote_id", "read_at"))
    for chunk in _chunks(wanted(disk_ids, known_disks)):
        refresh(session, disks=chunk, explained=explained)


def refresh(
    session: ApiSession,
    *,
    vms: Iterable[int] = (),
    disks: Iterable[int] = (),
    info: bool = False,
    explained: Explained = nothing_explained,
) -> None:
    """Read these objects again, in parallel, and apply what they say. A disk that comes with one of the servers costs
    no call of its own.

    Raises:
        hosting.api.ApiError: one of them could not be read; the others have been applied.
    """
    reading = Reading()
    failure = _read(session, vms, api.Client.vm_info, reading.vms, reading.gone_vms)
    brought = {disk.id for vm in reading.vms.values() for disk in vm.disks}
    left = [disk_id for disk_id in disks if disk_id not in brought]
    failure = _read(session, left, api.Client.disk_info, reading.disks, reading.gone_disks) or failure
    if info:
        _read_info(session, reading)
    apply(session.account, reading, explained=explained)
    if failure is not None:
        raise failure


def _read(
    session: ApiSession,
    ids: Iterable[int],
    ask: Callable[[api.Client, int], Row],
    found: dict[int, Row],
    gone: set[int],
) -> api.ApiError | None:
    """Ask for each id in parallel, and sort the answers into `found` and `gone`. The error of one that failed."""

    def asking(remote_id: int) -> Callable[[api.Client], Row]:
        return lambda client: ask(client, remote_id)

    ids, failure = list(ids), None
    for remote_id, answer in zip(ids, session.gather([asking(remote_id) for remote_id in ids]), strict=True):
        if _is_gone(answer):
            gone.add(remote_id)
        elif isinstance(answer, api.ApiError):
            failure = answer
        else:
            found[remote_id] = answer
    return failure


def _is_gone(answer: object) -> bool:
    """A deleted object may be unknown from then on, or be remembered as deleted."""
    if isinstance(answer, api.DataFault):
        return answer.cause == api.Cause.NOT_FOUND
    return isinstance(answer, api.Vm | api.Disk) and answer.state == "deleted"


def _read_info(session: ApiSession, reading: Reading) -> None:
    reading.info = session.call(api.Client.hosting_account_info)
    currency = session.call(api.Client.account_currency)
    reading.balance = (currency, session.call(api.Client.account_balance))


def read_os_images(session: ApiSession) -> None:
    """Read what can be installed.

    Raises:
        hosting.api.ApiError: it could not be read; what was read before stays.
    """
    apply(session.account, Reading(os_images=session.call(api.Client.os_list)))


def apply(account: Account, reading: Reading, *, explained: Explained = nothing_explained) -> None:
    """Write a reading in one transaction. What changed without an operation of ours is kept as a `Change`."""
    is_first_import = account.mirrored_at is None
    with transaction.atomic():
        # One reading of an account at a time: on PostgreSQL two of them could insert the same object.
        Account.objects.select_for_update(of=("self",)).get(pk=account.pk)
        changes = [
            *_merge(account, Vm, "vm", _vm_rows(reading), reading.gone_vms, reading.read_at),
            *_merge(account, Disk, "disk", _disk_rows(account, reading), reading.gone_disks, reading.read_at),
        ]
        if reading.info is not None and reading.balance is not None:
            changes += _apply_info(account, reading, reading.info, *reading.balance)
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
    """The disks that were read themselves, and those that came with their server, which also knows their order."""
    found = {disk_id: rows.disk(disk, reading.read_at) for disk_id, disk in reading.disks.items()}
    places = {
        disk_id: (vm_id, position)
        for disk_id, vm_id, position in Disk.objects.filter(account=account, remote_id__in=found).values_list(
            "remote_id", "vm_remote_id", "position"
        )
    }
    for disk_id, row in found.items():
        vm_id, position = places.get(disk_id, (None, None))
        row["position"] = position if row["vm_remote_id"] == vm_id else None
    for vm in reading.vms.values():
        order = {disk_id: position for position, disk_id in enumerate(vm.disks_id)}
        for disk in vm.disks:
            row = found.get(disk.id) or rows.disk(disk, reading.read_at)
            found[disk.id] = {**row, "position": order.get(disk.id)}
    return found


def _merge(
    account: Account,
    model: type[MirrorRow],
    object_type: str,
    found: dict[int, dict[str, Any]],
    gone: set[int],
    read_at: datetime,
) -> list[Change]:
    """Insert, update and delete rows of one type, and say what has changed.

    A row that was read later than this reading began knows better, and is left alone.
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
    """These values as JSON can hold them."""
    return {
        name: value.isoformat() if isinstance(value := values[name], datetime) else value
        for name in names
        if name in values
    }


def _apply_info(
    account: Account, reading: Reading, info: api.HostingAccount, currency: str, balance: Any
) -> list[Change]:
    """Products, capacity and money. A change of these bumps the version like any other."""
    products = {product.id: rows.product(product, reading.read_at) for product in info.products}
    known = set(Product.objects.filter(account=account).values_list("remote_id", flat=True))
    changes = _merge(account, Product, "product", products, known - products.keys(), reading.read_at)
    values = {**rows.info(info, reading.read_at), "currency": currency[:3], "balance": round(balance, 2)}
    before = AccountInfo.objects.filter(account=account).first()
    AccountInfo.objects.update_or_create(account=account, defaults=values)
    if before is None or before.balance != values["balance"]:
        BalanceSample.objects.create(account=account, at=reading.read_at, balance=values["balance"])
    if before is None or any(getattr(before, name) != value for name, value in values.items() if name != "read_at"):
        changes.append(Change(account=account, what=Change.What.CHANGED, object_type="info", remote_id=0))
    return changes


def _chunks(ids: list[int]) -> Iterable[list[int]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def finish_round(account: Account, *, next_s: float, reread_s: float, reread: bool) -> None:
    """Note that a round ended well: the age of what pages show starts again."""
    now = timezone.now()
    due: dict[str, Any] = {"mirrored_at": now, "round_due_at": now + timedelta(seconds=next_s)}
    if reread:
        due["reread_due_at"] = now + timedelta(seconds=reread_s)
    first = Account.objects.filter(pk=account.pk, mirrored_at=None).exists()
    Account.objects.filter(pk=account.pk).update(**due)
    if first:
        versions.bump(account.pk)
