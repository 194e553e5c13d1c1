"""Moves of an operation that pages show: one transaction for the row, the account's version and its plan."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import seal
from hosting.jobs import Job, ask
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import FINAL, State
from hosting.teams.audit.log import record

# Whoever takes a request back or refuses it writes the line of that.
_RECORDED_ELSEWHERE = {(State.WAITING, State.CANCELLED), (State.HELD, State.CANCELLED), (State.HELD, State.DECLINED)}


def move(operation: Operation, before: State, after: State, **fields: object) -> bool:
    """Move an operation and tell whoever watches. False when somebody else was first.

    A final state lets its plan go on, or stop; of what was asked for here the trail says how it ended. That line takes
    the last lock of the transaction: see `record`.
    """
    with transaction.atomic():
        moved = Operation.objects.move(operation.pk, before, after, **fields)
        if moved:
            versions.bump(operation.account_id)
            if after in FINAL and operation.plan_id:
                ask(Job.ADVANCE, operation.plan_id)
            if after in FINAL and operation.bulk_id:
                ask(Job.ADVANCE_BULK, operation.bulk_id)
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
    """Tie an operation to the provider's operation `remote_id`. False when it moved meanwhile, or that one is taken.

    When the provider's operation had already been seen and taken for somebody else's, that row is replaced.
    """
    try:
        with transaction.atomic():
            Operation.objects.filter(
                account=operation.account_id, remote_id=remote_id, origin=Operation.Origin.EXTERNAL
            ).delete()
            adopted = move(operation, before, State.TRACKED, remote_id=remote_id, needs_person=False, **fields)
            if adopted:
                # Whatever else is open may have time; this one is looked at with the next sweep.
                Account.objects.filter(pk=operation.account_id).update(track_due_at=None)
            else:
                transaction.set_rollback(True)
    except IntegrityError:
        return False
    return adopted


def update(operation: Operation, state: State, **fields: object) -> bool:
    """Write down more about an operation that stays in its state, and tell whoever watches."""
    with transaction.atomic():
        updated = Operation.objects.filter(pk=operation.pk, state=state).update(updated_at=timezone.now(), **fields)
        if updated:
            versions.bump(operation.account_id)
    return bool(updated)


def put_back(operation: Operation, secret: str, **fields: object) -> bool:
    """Back to WAITING: the provider said that it did not execute the call."""
    return move(operation, State.SENDING, State.WAITING, sent_at=None, sealed_secret=seal(secret), **fields)
