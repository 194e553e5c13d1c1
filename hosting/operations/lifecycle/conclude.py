"""Move operations from state to state: one transaction for the row, the account's version and the audit log.

A move to a final state also queues the next step of its plan or bulk action.

Decision: docs/decisions/0039-rows-are-locked-in-one-order.md
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import seal
from hosting.jobs import Job, enqueue
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import FINAL, State
from hosting.teams.audit.log import record

# Moves whose caller writes the audit entry: cancelling, withdrawing and refusing.
_RECORDED_ELSEWHERE = {(State.WAITING, State.CANCELLED), (State.HELD, State.CANCELLED), (State.HELD, State.DECLINED)}


def move(operation: Operation, before: State, after: State, **fields: object) -> bool:
    """Move an operation and update open pages. False when it was not in state `before` any more.

    A final state advances its plan or bulk action, and is recorded in the audit log unless the operation is external.
    The audit entry must be the last lock that the transaction takes: see `record`.
    """
    with transaction.atomic():
        moved = Operation.objects.move(operation.pk, before, after, **fields)
        if moved:
            versions.bump(operation.account_id)
            if after in FINAL and operation.plan_id:
                enqueue(Job.ADVANCE, operation.plan_id)
            if after in FINAL and operation.bulk_id:
                enqueue(Job.ADVANCE_BULK, operation.bulk_id)
            if (
                after in FINAL
                and operation.origin == Operation.Origin.PANEL
                and (before, after) not in _RECORDED_ELSEWHERE
            ):
                record(
                    operation.account.team_id,
                    by=None,
                    action="operation.ended",
                    subject=operation.subject,
                    account=operation.account_id,
                    thing=operation.target,
                    operation=operation.pk,
                    before={"state": before},
                    after={"state": after},
                    outcome=after,
                    method=operation.kind,
                )
    return moved


def adopt(operation: Operation, before: State, remote_id: int, **fields: object) -> bool:
    """Match an operation with the provider's operation `remote_id`, so that it is tracked.

    False when the operation has moved meanwhile, or `remote_id` is matched with another one. If `remote_id` was already
    imported as an external operation, that row is deleted.
    """
    try:
        with transaction.atomic():
            Operation.objects.filter(
                account=operation.account_id, remote_id=remote_id, origin=Operation.Origin.EXTERNAL
            ).delete()
            adopted = move(operation, before, State.TRACKED, remote_id=remote_id, needs_person=False, **fields)
            if adopted:
                # Poll it with the next sweep, even if other open operations are not due yet.
                Account.objects.filter(pk=operation.account_id).update(track_due_at=None)
            else:
                transaction.set_rollback(True)
    except IntegrityError:
        return False
    return adopted


def update(operation: Operation, state: State, **fields: object) -> bool:
    """Update fields of an operation that stays in its state, and update open pages."""
    with transaction.atomic():
        updated = Operation.objects.filter(pk=operation.pk, state=state).update(updated_at=timezone.now(), **fields)
        if updated:
            versions.bump(operation.account_id)
    return bool(updated)


def put_back(operation: Operation, secret: str, **fields: object) -> bool:
    """Move back to WAITING, after the provider said that it did not execute the call."""
    return move(operation, State.SENDING, State.WAITING, sent_at=None, sealed_secret=seal(secret), **fields)
