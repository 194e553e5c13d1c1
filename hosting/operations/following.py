"""Follow what changes at the provider: read what `sharedeck.changes` names, and nothing else.

A cursor is taken before everything is read, and stored after it: what changes in between is named by the next answer.
From then on the stored cursor moves only when all that an answer names has been read. Where an endpoint does not have
the extension, rounds read the lists of version 1.

Decision: docs/decisions/0032-changes-are-followed.md
"""

from datetime import datetime

from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import CHANGES, Cause, Changes, Client, DataFault, FaultObject
from hosting.inventory import ages
from hosting.inventory.reading import NO_ACCOUNT_DATA, AccountData
from hosting.operations.lifecycle import track
from hosting.operations.lifecycle.track import Named


def is_possible(account: Account) -> bool:
    """Whether the account's endpoint tells what has changed."""
    return extensions.has(account.endpoint, CHANGES)


def is_followed(account: Account) -> bool:
    """Whether everything up to the stored cursor has been read."""
    return bool(account.changes_cursor) and is_possible(account)


def begin(session: ApiSession) -> str:
    """A cursor from which on changes will be named. Take it before everything is read, and `store` it after.

    Raises:
        hosting.api.ApiError: the call failed.
    """
    return session.call(lambda client: client.changes("", 0)).cursor


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
        if not track.take(session, _named(answer)):
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
    """What has changed since then; None when the provider does not know this cursor any more."""

    def ask(client: Client) -> Changes:
        return client.changes(cursor, 0)

    try:
        return session.call(ask)
    except DataFault as fault:
        if is_unknown_cursor(fault):
            return None
        raise


def is_unknown_cursor(fault: DataFault) -> bool:
    """Whether the provider does not know the cursor, or not the method any more: read everything anew (contract)."""
    return fault.cause == Cause.NOT_FOUND and fault.object in (FaultObject.OPERATION, FaultObject.METHOD)


def _named(answer: Changes) -> Named:
    ids: dict[str, set[int]] = {}
    for change in answer.changes:
        ids.setdefault(change.type, set()).add(change.id)
    has_data = "account" in ids or "product" in ids
    return Named(
        operations=ids.get("operation", set()),
        vms=ids.get("vm", set()),
        disks=ids.get("disk", set()),
        data=AccountData.CAPACITY | AccountData.BALANCE if has_data else NO_ACCOUNT_DATA,
    )
