"""Follow what changes at the provider: read what `sharedeck.changes` names, and nothing else.

A cursor is taken before everything is read, and stored after it: what changes in between is named by the next answer.
From then on the stored cursor moves only when all that an answer names has been read. Where an endpoint does not have
the extension, rounds read the lists of version 1.

Decision: docs/decisions/0032-changes-are-followed.md
"""

from collections.abc import Set
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import CHANGES, Cause, Changes, DataFault, FaultObject, Garbled
from hosting.inventory import ages
from hosting.inventory.reading import NO_ACCOUNT_DATA, AccountData
from hosting.operations.costs import observed
from hosting.operations.lifecycle import track
from hosting.operations.lifecycle.finish import Changed
from hosting.operations.models.states import State


def is_possible(account: Account) -> bool:
    """Whether the account's endpoint tells what has changed."""
    return extensions.has(account.endpoint, CHANGES)


def is_followed(account: Account) -> bool:
    """Whether everything up to the stored cursor has been read."""
    return bool(account.changes_cursor) and is_possible(account)


def begin(session: ApiSession) -> str:
    """A cursor from which on changes will be named. Take it before everything is read, and `store` it after.

    Empty when the provider can't tell: then the lists are read.

    Raises:
        hosting.api.ApiError: no answer.
    """
    answer = _changes(session, "")
    return answer.cursor if answer else ""


def store(account: Account, cursor: str) -> None:
    """Follow from this cursor on, unless another worker has moved the stored one meanwhile."""
    Account.objects.filter(pk=account.pk, changes_cursor=account.changes_cursor).update(changes_cursor=cursor)


def catch_up(session: ApiSession) -> bool:
    """Read everything that has changed since the stored cursor, and confirm the age of the rest.

    False when the provider does not know the cursor any more, or what it names can't be settled yet: an operation may
    turn out to be one of ours. Then the account is not as new as this call.

    Raises:
        hosting.api.ApiError: something could not be read; the next call reads it again.
    """
    account = session.account
    cursor = account.changes_cursor
    while True:
        began = timezone.now()
        answer = _changes(session, cursor)
        if answer is None:
            ages.reread_everything(account)
            return False
        if not _take(session, answer):
            return False
        if not Account.objects.filter(pk=account.pk, changes_cursor=cursor).update(changes_cursor=answer.cursor):
            # Another worker is further already.
            return True
        cursor = account.changes_cursor = answer.cursor
        if not answer.more:
            confirm(account, began)
            return True


def confirm(account: Account, at: datetime) -> None:
    """Record that nothing has changed between the account's cursor and this moment."""
    ages.confirm(account, at)
    track.confirm(account, at)


def _changes(session: ApiSession, cursor: str) -> Changes | None:
    """What has changed since then; None when everything must be read anew: the provider does not know this cursor any
    more, or does not keep to the extension, which is not used again until it is listed the next time.
    """
    try:
        return session.call(lambda client: client.changes(cursor, 0))
    except Garbled:
        extensions.forget(session.account.endpoint, CHANGES)
    except DataFault as fault:
        if fault.cause != Cause.NOT_FOUND or fault.object not in (FaultObject.OPERATION, FaultObject.METHOD):
            raise
        if fault.object == FaultObject.METHOD:
            extensions.forget(session.account.endpoint, CHANGES)
    return None


def _take(session: ApiSession, answer: Changes) -> bool:
    """Read what the provider says has changed. False while one of the operations may still turn out to be ours.

    Raises:
        hosting.api.ApiError: something could not be read; it must be taken again.
    """
    ids: dict[str, set[int]] = {}
    for change in answer.changes:
        ids.setdefault(change.type, set()).add(change.id)
    has_data = "account" in ids or "product" in ids
    changed = Changed(
        vms=ids.get("vm", set()),
        disks=ids.get("disk", set()),
        data=AccountData.CAPACITY | AccountData.BALANCE if has_data else NO_ACCOUNT_DATA,
    )
    is_settled = _read_operations(session, ids.get("operation", set()), changed)
    observed.attribute_costs(session.account)
    return is_settled


def _read_operations(session: ApiSession, named: Set[int], changed: Changed) -> bool:
    """Read the operations that the provider names, and whatever else has changed. Return as `_take`."""
    account, now = session.account, timezone.now()
    # In one query: the answer to a request may be written at this moment.
    rows = account.operations.filter(Q(state=State.TRACKED) | Q(remote_id__in=named))
    known = {row.remote_id: row for row in rows if row.remote_id is not None}
    open_operations = {number: row for number, row in known.items() if row.state == State.TRACKED}
    # Those too that were named before we knew them as ours, or should be done by now.
    moved = [number for number, row in open_operations.items() if number in named or track.may_have_moved(row, now)]
    # Those from before the first import are not imported.
    unknown = sorted(named - known.keys()) if account.mirrored_at else []
    _, may_be_ours = track.read_and_finish(session, open_operations, [*moved, *unknown], also_changed=changed)
    return not may_be_ours
