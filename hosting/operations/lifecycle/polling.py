"""Poll an account's operations by the lists of version 1: the number of calls depends on what has ended.

A poll costs one `operation_list`. If few operations have changed, each is read. If many have, lists filtered by final
state say how they ended, without a call for each, and the progress of the others is read a few at a time.

Decision: docs/decisions/0009-tracking-costs-what-ends.md
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.operations.costs import observed
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import listing, track
from hosting.operations.lifecycle.finish import Ended
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State

# Up to the first number of changed operations are read one by one. Of more, the second number are read for progress.
_FEW, _PROGRESS_READS = 3, 2
# The most operations that one poll handles; the next poll continues.
_MOST_PER_POLL = 96


def poll(session: ApiSession) -> None:
    """Read once what has become of the account's operations.

    Raises:
        hosting.api.ApiError: something could not be read; the next poll reads it again.
    """
    account = session.account
    began = timezone.now()
    open_operations = _open_operations(account)
    since = account.operations_cursor or _first_cursor(open_operations.values(), began + account.clock_offset)
    listed = listing.moved_since(session, since)
    findings = _read_lists(session, open_operations, listed, since)
    wanted = [*findings.to_read, *_unknown(account, listed)]
    ended, may_be_ours = track.read_and_finish(
        session, open_operations, wanted[:_MOST_PER_POLL], also_ended=findings.ended, at_most=_MOST_PER_POLL
    )
    # What may still turn out to be ours is looked at again, until that is known.
    if ended <= _MOST_PER_POLL and len(wanted) <= _MOST_PER_POLL and not may_be_ours:
        track.confirm(account, began)
    else:
        Account.objects.filter(pk=account.pk).update(operations_read_at=timezone.now())
    observed.attribute_costs(account)


def _open_operations(account: Account) -> dict[int, Operation]:
    """The operations that the provider works on, by its ids."""
    tracked = account.operations.filter(state=State.TRACKED)
    return {operation.remote_id: operation for operation in tracked if operation.remote_id is not None}


def _unknown(account: Account, listed: Set[int]) -> list[int]:
    """The listed operations that have no row. Those from before the first import are not imported."""
    if not account.mirrored_at:
        return []
    return sorted(listed - set(account.operations.filter(remote_id__in=listed).values_list("remote_id", flat=True)))


@dataclass
class _Findings:
    """What the lists say about open operations: those that have ended, and those whose details must be read."""

    ended: list[Ended]
    to_read: list[int]


def _read_lists(
    session: ApiSession, open_operations: dict[int, Operation], listed: set[int], since: datetime
) -> _Findings:
    moved = [
        number
        for number, each in open_operations.items()
        if (_is_listed_anew(each, since) if number in listed else track.may_have_moved(each, timezone.now()))
    ]
    if len(moved) <= _FEW:
        return _Findings([], moved)
    states = listing.ended_since(session, since) if listed.intersection(moved) else {}
    ended, to_read = [], []
    for number, operation in open_operations.items():
        state = states.get(number)
        if state is State.DONE and _knows_its_objects(operation):
            ended.append(Ended(operation, state))
        elif state is not None:
            # Only the details say why it failed, or what it has created.
            to_read.append(number)
    others = [number for number in moved if number not in states]
    # First those that were never read, then those that were read longest ago.
    others.sort(key=lambda number: (bool(open_operations[number].remote_state), open_operations[number].updated_at))
    return _Findings(ended, [*to_read, *others[:_PROGRESS_READS]])


def _knows_its_objects(operation: Operation) -> bool:
    """Whether its objects' ids are known without its details. `vm_create` does not return the id of the system disk."""
    if operation.kind == catalogue.CreateVm.method:
        return operation.disk_id is not None
    return bool(operation.vm_id or operation.disk_id or operation.product_id)


def _is_listed_anew(operation: Operation, since: datetime) -> bool:
    """Whether the details of a listed operation must be read.

    An operation stays listed for a while after a change that we have read already. It is read again only when that
    change does not explain why it is listed, or when it should be done by now.
    """
    return (
        operation.remote_updated_at is None
        or operation.remote_updated_at < since
        or track.is_due(operation, timezone.now())
    )


def _first_cursor(open_operations: Iterable[Operation], provider_now: datetime) -> datetime:
    sent = [operation.sent_at for operation in open_operations if operation.sent_at]
    return min([*sent, provider_now], key=lambda moment: moment) - timedelta(minutes=1)
