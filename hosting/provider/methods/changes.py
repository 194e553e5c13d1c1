"""`sharedeck.changes`: what has changed since a cursor (contract, Extensions)."""

import re
from typing import Any

from hosting.provider.faults import Object, bad_value, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.models import ChangedObject, Disk, HostingAccount, Product, Vm
from hosting.provider.rules import capacity

CHANGES = "sharedeck.changes"
AT_MOST = 500
WAIT_MAX_S = 25
_CURSOR = re.compile(r"([0-9]{1,10})-([0-9]{1,18})", re.ASCII)


def _check(_cursor: str, wait_s: int) -> None:
    if not 0 <= wait_s <= WAIT_MAX_S:
        raise bad_value(Object.OPERATION, "wait_s", wait_s)


@method(
    CHANGES,
    Param("cursor", "string", Object.OPERATION),
    Param("wait_s", "int", Object.OPERATION),
    check=_check,
)
def changes(call: Call, cursor: str, wait_s: int) -> dict[str, Any]:
    """The objects that have changed since a cursor, each once, in the order of their latest changes, 500 at most.

    The answer is {cursor, more, changes [{type, id, deleted}]}; the type is vm, disk, product, operation or account.
    An empty cursor begins now. With nothing new, the call is held for up to wait_s seconds (0 to 25). A cursor that is
    unknown or older than a week is refused (fault 580440): read everything anew then.
    """
    account = HostingAccount.objects.get(pk=call.account.pk)
    if not cursor:
        return _answer(account, account.changes_made, [])
    since = _number(account, cursor)
    found = list(ChangedObject.objects.filter(account=account, number__gt=since).order_by("number")[: AT_MOST + 1])
    shown = found[:AT_MOST]
    return _answer(account, shown[-1].number if shown else since, shown, more=len(found) > AT_MOST)


def _number(account: HostingAccount, cursor: str) -> int:
    """The number up to which a cursor has been told."""
    match = _CURSOR.fullmatch(cursor)
    if match and int(match[1]) == account.pk and account.changes_forgotten <= int(match[2]) <= account.changes_made:
        return int(match[2])
    raise not_found(Object.OPERATION, "cursor", cursor)


def _answer(account: HostingAccount, number: int, shown: list[ChangedObject], *, more: bool = False) -> dict[str, Any]:
    ids: dict[str, list[int]] = {}
    for row in shown:
        ids.setdefault(row.type, []).append(row.object_id)
    gone = {
        *_missing("vm", ids, Vm.objects.exclude(state=Vm.State.DELETED)),
        *_missing("disk", ids, Disk.objects.exclude(state=Disk.State.DELETED)),
        *_missing("product", ids, capacity.listed(Product.objects.all())),
    }
    return {
        "cursor": f"{account.pk}-{number}",
        "more": more,
        "changes": [
            {"type": row.type, "id": row.object_id, "deleted": (row.type, row.object_id) in gone} for row in shown
        ],
    }


def _missing(type_: str, ids: dict[str, list[int]], live: Any) -> set[tuple[str, int]]:
    """Those of the named objects that are gone. No query when none is named."""
    named = ids.get(type_, [])
    found = set(live.filter(pk__in=named).values_list("pk", flat=True)) if named else set()
    return {(type_, object_id) for object_id in named if object_id not in found}
