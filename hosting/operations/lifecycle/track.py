"""Track operations that the provider works on: read what has become of them, and finish those that have ended."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import (
    MANY,
    OPERATION_DETAILS_MANY,
    ApiError,
    Client,
    DataFault,
    Garbled,
    OperationDetails,
    OperationFilter,
    SessionFault,
)
from hosting.operations.lifecycle import conclude, external, listing
from hosting.operations.lifecycle.finish import Changed, Ended, finish
from hosting.operations.models import problems
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State

log = logging.getLogger(__name__)

# The provider's time of a change may be earlier than its commit, and the offset of its clock is known to a few seconds.
_CURSOR_MARGIN = timedelta(seconds=4)
# Lists may miss a change (the clock was set, or two changes in one second), so open operations are read again after
# this time: the first when one should be done by now, the second otherwise.
_REREAD_DUE, _REREAD_ANYWAY = timedelta(seconds=15), timedelta(minutes=5)
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.8), timedelta(seconds=10)
# An operation that should be done by now is looked at again after its delay so far divided by this.
_LATE_DIVISOR = 30
# The provider lists the operation of a new object at once; after this time it is not expected to appear.
_IDENTIFY_LIMIT = timedelta(minutes=5)


def identify(operation: Operation, session: ApiSession) -> None:
    """Find the provider's operation id of an object that is being created (`vm_create`, `disk_create`).

    Raises:
        hosting.api.ApiError: the list could not be read; nothing has changed.
    """
    param = {"vm_id": operation.vm_id} if operation.vm_id else {"disk_id": operation.disk_id}
    ids = session.call(lambda client: client.operation_list(OperationFilter(type=operation.kind, param=param)))
    if ids and conclude.adopt(operation, State.ANSWERED, min(ids)):
        return
    if operation.answered_at and timezone.now() > operation.answered_at + _IDENTIFY_LIMIT:
        conclude.move(
            operation, State.ANSWERED, State.UNCERTAIN, needs_person=True, problem={"reason": Reason.NO_ANSWER}
        )
    else:
        Operation.objects.filter(pk=operation.pk).update(due_at=timezone.now() + timedelta(seconds=2))


def confirm(account: Account, at: datetime) -> None:
    """Record that the account's operations are known up to this moment."""
    cursor = (at + account.clock_offset).replace(microsecond=0) - _CURSOR_MARGIN
    Account.objects.filter(pk=account.pk).update(operations_read_at=timezone.now(), operations_cursor=cursor)


def read_and_finish(
    session: ApiSession,
    open_operations: dict[int, Operation],
    wanted: Sequence[int],
    *,
    also_ended: Sequence[Ended] = (),
    also_changed: Changed | None = None,
    at_most: int | None = None,
) -> tuple[int, bool]:
    """Read these operations of the provider's, and finish those that have ended, `at_most` so many. Return how many
    have, and whether any of the others may still turn out to be ours.

    Raises:
        hosting.api.ApiError: something could not be read; the rest has been finished.
    """
    read, failure, may_be_ours = _read(session, open_operations, wanted)
    ended = list(also_ended)
    for operation, details in read:
        if state := listing.ENDED.get(details.state):
            ended.append(Ended(operation, state, details))
        else:
            _save_progress(session.account, operation, details)
    finish(session, ended[:at_most], also_changed)
    if failure is not None:
        raise failure
    return len(ended), may_be_ours


def next_look_at(account: Account, *, told_until: datetime | None = None) -> datetime | None:
    """When to look next: when the first open operation should be done, within bounds; None when none is open.

    Args:
        told_until: until then the provider tells what moves, except for operations that were never read: it may have
            told of them before they were known.
    """
    now = timezone.now()
    tracked = account.operations.filter(state=State.TRACKED)
    moments = []
    for eta_at, answered_at, remote_updated_at in tracked.values_list("eta_at", "answered_at", "remote_updated_at"):
        look_at = now + _pause(eta_at or answered_at or now, now)
        moments.append(max(look_at, told_until) if told_until and remote_updated_at else look_at)
    return min(moments, default=None)


def _pause(expected_at: datetime, now: datetime) -> timedelta:
    wanted = expected_at - now if expected_at > now else (now - expected_at) / _LATE_DIVISOR
    return min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, wanted))


def may_have_moved(operation: Operation, now: datetime) -> bool:
    """Whether the details of an operation must be read although nothing says that it has changed."""
    if operation.remote_updated_at is None:
        return True
    return operation.updated_at < now - (_REREAD_DUE if is_due(operation, now) else _REREAD_ANYWAY)


def is_due(operation: Operation, now: datetime) -> bool:
    """Whether it should be done by now."""
    return operation.eta_at is None or operation.eta_at <= now


def _read(
    session: ApiSession, open_operations: dict[int, Operation], wanted: Sequence[int]
) -> tuple[list[tuple[Operation, OperationDetails]], ApiError | None, bool]:
    """The details of these operations, each with its row; an error that may go away with the next poll; and whether
    any may still turn out to be one of ours. Creates rows for external operations.
    """
    read, failure, may_be_ours = [], None, False
    for remote_id, answer in zip(wanted, _details_of(session, wanted), strict=True):
        operation = open_operations.get(remote_id)
        if isinstance(answer, ApiError):
            failure = _unreadable(operation, remote_id, answer) or failure
        elif operation := operation or external.create_external(session.account, answer):
            read.append((operation, answer))
        elif not external.is_asked_about(session.account, answer):
            may_be_ours = True
    return read, failure, may_be_ours


def _unreadable(operation: Operation | None, remote_id: int, error: ApiError) -> ApiError | None:
    """Handle an operation that can't be read, without stopping the poll. Return the error if a retry may help."""
    is_final = isinstance(error, DataFault) and not isinstance(error, SessionFault)
    if not is_final and not isinstance(error, Garbled):
        return error
    log.warning("The provider's operation %d can't be read: %s", remote_id, type(error).__name__)
    if operation is None or not isinstance(error, DataFault):
        return None
    if operation.origin == Operation.Origin.PANEL:
        # The provider accepted it and does not know it any more: only a person can say what became of it.
        conclude.move(operation, State.TRACKED, State.UNCERTAIN, needs_person=True, problem=problems.of_fault(error))
    else:
        conclude.move(operation, State.TRACKED, State.FAILED, problem=problems.of_fault(error))
    return None


def _details_of(session: ApiSession, wanted: Sequence[int]) -> list[OperationDetails | ApiError]:
    """The details of each operation, or why they can't be read; in one call where the endpoint can."""
    found: dict[int, OperationDetails] = {}
    if len(wanted) > 1 and extensions.has(session.account.endpoint, OPERATION_DETAILS_MANY):
        for start in range(0, len(wanted), MANY):
            ids = wanted[start : start + MANY]
            # What is missing in the answer is asked for alone, which says why.
            with suppress(Garbled):
                found |= {each.id: each for each in session.call(partial(Client.operation_details_many, ids=ids))}
    alone = [remote_id for remote_id in wanted if remote_id not in found]
    answers = session.gather([partial(_details, remote_id=remote_id) for remote_id in alone])
    all_answers: dict[int, OperationDetails | ApiError] = {**found, **dict(zip(alone, answers, strict=True))}
    return [all_answers[remote_id] for remote_id in wanted]


def _details(client: Client, *, remote_id: int) -> OperationDetails:
    return client.operation_details(remote_id)


def _save_progress(account: Account, operation: Operation, details: OperationDetails) -> None:
    now = timezone.now()
    eta_at = now + timedelta(seconds=details.eta_s) if details.eta_s is not None else None
    conclude.update(
        operation,
        State.TRACKED,
        remote_state=details.state,
        started_at=account.on_our_clock(details.date_start),
        eta_at=eta_at,
        remote_updated_at=details.date_updated,
        **details.objects,
    )
