"""Cancel an operation: at once while it waits here, or by a call to the provider while it is queued there.

The provider cancels only operations that it has not started (contract, Operations). The call is made once, or with a
key until it is answered (`sharedeck.once`). Whether the operation ended as cancelled is found out by tracking it, like
any other end.
"""

import logging
from datetime import datetime, timedelta

import redis
from django.db import transaction
from django.utils import timezone

from hosting import leases
from hosting.accounts import extensions, versions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import AccountStoppedError, ApiSession, client_for
from hosting.api import (
    ONCE,
    ApiError,
    Cause,
    Client,
    DataFault,
    FaultObject,
    NotSent,
    RateLimited,
    ServerFault,
    SessionFault,
    Unanswered,
)
from hosting.jobs import Job, enqueue
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.writes import AWAY, keep_trying

log = logging.getLogger(__name__)

Cancel = Operation.Cancel

# A job that has not run by then was lost, and the sweep queues it again.
_JOB_LOST_AFTER = timedelta(seconds=5)
# Until a call that was not executed, or that has a key, is made again.
_PAUSE_S = 3.0
# Jobs queued in one sweep.
_BATCH = 100
# States from which cancelling can be requested again.
_MAY_RETRY = (Cancel.NONE, Cancel.UNANSWERED, Cancel.REFUSED)


def may_cancel(operation: Operation, by: Membership) -> bool:
    """Whether it is not too late to cancel, as far as is known here. Only its requester withdraws an operation that
    waits for approval; others refuse it.
    """
    if operation.origin != Operation.Origin.PANEL:
        return False
    if operation.state == State.HELD:
        return _is_own(operation, by)
    return operation.state == State.WAITING or (
        operation.state == State.TRACKED
        and operation.remote_state in ("", "PENDING")
        and operation.cancel_state in _MAY_RETRY
    )


def cancel(operation: Operation, *, by: Membership) -> bool:
    """Cancel an operation, or request that from the provider. False when it is too late, or the operation is external.

    Raises:
        NotAllowedError: the member may not request this kind of operation.
    """
    if operation.origin != Operation.Origin.PANEL:
        return False
    by.require(catalogue.load(operation.kind, operation.params).permission, operation.account)
    with transaction.atomic():
        unsent = [State.HELD, State.WAITING] if _is_own(operation, by) else [State.WAITING]
        if any(conclude.move(operation, state, State.CANCELLED, sealed_secret="", problem={}) for state in unsent):
            action, outcome = "operation.cancelled", State.CANCELLED.value
        elif _ask_provider(operation):
            action, outcome = "operation.cancel_asked", ""
        else:
            return False
        record(
            by.team,
            by=by,
            action=action,
            subject=operation.subject,
            account=operation.account_id,
            thing=operation.target,
            operation=operation.pk,
            outcome=outcome,
        )
    return True


def send(operation_id: int) -> None:
    """Make the call to the provider. Do nothing when the operation has moved on or another worker has called."""
    operation = (
        Operation.objects.select_related("account__endpoint", "account__team")
        .filter(pk=operation_id, state=State.TRACKED, cancel_state=Cancel.ASKED)
        .first()
    )
    if operation is None or operation.remote_id is None or operation.account.endpoint.away_since:
        return
    if operation.remote_state == "RUN":
        _move_cancel(operation, Cancel.ASKED, Cancel.TOO_LATE)
        return
    try:
        session = client_for(operation.account, Priority.MEMBER)
    except (ApiError, AccountStoppedError, NoAllowanceError, redis.RedisError):
        # The sweep queues it again.
        return
    # Claimed right before the call. The time tells this claim from a later one.
    sent_at = timezone.now()
    if not _move_cancel(operation, Cancel.ASKED, Cancel.SENT, cancel_sent_at=sent_at, claimed_until=leases.until()):
        return
    with leases.kept(Operation.objects.filter(pk=operation.pk, cancel_state=Cancel.SENT, cancel_sent_at=sent_at)):
        after = _call(operation, operation.remote_id, session)
        log.info("Cancelling operation %d: %s", operation.pk, after.value)
        keep_trying(lambda: _write(operation, sent_at, after), f"the cancelling of operation {operation.pk}")
    # Poll at once to see how it ends.
    Account.objects.filter(pk=operation.account_id).update(track_due_at=None)


def _call(operation: Operation, remote_id: int, session: ApiSession) -> Cancel:
    """Make the call. Return what follows from its outcome; ASKED when it may be made again."""
    endpoint = operation.account.endpoint
    keyed = extensions.has(endpoint, ONCE)

    def do(client: Client) -> bool:
        return (client.keyed(operation.cancel_key) if keyed else client).operation_cancel(remote_id)

    try:
        cancelled = session.call(do)
    except (RateLimited, NotSent, SessionFault, AccountStoppedError, NoAllowanceError, redis.RedisError, *AWAY):
        # The call was not executed.
        return Cancel.ASKED
    except (Unanswered, ServerFault):
        return Cancel.ASKED if keyed else Cancel.UNANSWERED
    except DataFault as fault:
        if keyed and fault.object == FaultObject.METHOD:
            # About the key: the first call with it is still being carried out, or the extension is gone.
            if fault.cause == Cause.NOT_FOUND:
                extensions.forget(endpoint, ONCE)
            return Cancel.ASKED
        return Cancel.TOO_LATE if fault.cause == Cause.STATE else Cancel.REFUSED
    except ApiError:
        return Cancel.REFUSED
    # How it ends is found out by tracking it.
    return Cancel.SENT if cancelled else Cancel.TOO_LATE


def _write(operation: Operation, sent_at: datetime, after: Cancel) -> None:
    """Write what became of the call that was made then, even if its worker stood still and was taken for dead."""
    again = leases.until(_PAUSE_S) if after is Cancel.ASKED else None
    for before in (Cancel.SENT, Cancel.UNANSWERED):
        if _move_cancel(operation, before, after, called_at=sent_at, claimed_until=again):
            return


def sweep(now: datetime) -> None:
    """Queue lost jobs again, and give up on calls whose worker died."""
    tracked = Operation.objects.filter(state=State.TRACKED)
    # One that was answered has no claim any more.
    for operation in tracked.filter(leases.lapsed(), cancel_state=Cancel.SENT)[:_BATCH]:
        _move_cancel(operation, Cancel.SENT, Cancel.UNANSWERED, called_at=operation.cancel_sent_at)
    lost = tracked.filter(
        leases.free(),
        cancel_state=Cancel.ASKED,
        cancel_requested_at__lt=now - _JOB_LOST_AFTER,
        account__trouble="",
        account__endpoint__away_since=None,
    )
    for pk in lost.order_by("cancel_requested_at").values_list("pk", flat=True)[:_BATCH]:
        enqueue(Job.CANCEL, pk)


def _is_own(operation: Operation, by: Membership) -> bool:
    return by.person is not None and operation.requested_by_id == by.person.pk


def _ask_provider(operation: Operation) -> bool:
    now = timezone.now()
    asked = Operation.objects.filter(
        pk=operation.pk,
        state=State.TRACKED,
        remote_state__in=("", "PENDING"),
        cancel_state__in=_MAY_RETRY,
    ).update(cancel_state=Cancel.ASKED, cancel_requested_at=now, cancel_sent_at=None, claimed_until=None)
    if asked:
        versions.bump(operation.account_id)
        enqueue(Job.CANCEL, operation.pk)
    return bool(asked)


def _move_cancel(
    operation: Operation, before: Cancel, after: Cancel, called_at: datetime | None = None, **fields: object
) -> bool:
    """Move the cancel state, and update open pages. False when it was not in state `before` any more, or when the call
    of `called_at` is not the last one that was made.
    """
    rows = Operation.objects.filter(pk=operation.pk, cancel_state=before)
    if called_at is not None:
        rows = rows.filter(cancel_sent_at=called_at)
    with transaction.atomic():
        moved = rows.update(cancel_state=after, **fields)
        if moved:
            versions.bump(operation.account_id)
    return bool(moved)
