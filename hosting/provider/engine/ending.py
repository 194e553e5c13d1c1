"""How operations end: DONE or ERROR by the engine, CANCEL by their owner. Each in one transaction with its effects."""

import logging

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from hosting.provider import news
from hosting.provider.engine import effects
from hosting.provider.models import Operation, Vm

log = logging.getLogger(__name__)

_State = Operation.State


def complete(operation: Operation, rows: QuerySet[Operation]) -> bool:
    """End an operation as DONE and apply its effects, as long as `rows` finds it. False when it does not any more.

    Raises:
        CannotComplete: when something that it needs is gone; it must end in ERROR instead.
    """
    with transaction.atomic():
        news.lock(operation.account_id)
        if not _end(rows, _State.DONE):
            return False
        beside = effects.disks_beside(operation)
        effects.complete(operation)
        news.note_ended(operation, beside)
    log.info("operation %s %s: done", operation.pk, operation.type)
    return True


def fail(operation: Operation, rows: QuerySet[Operation], error: str) -> bool:
    """End an operation in ERROR, as long as `rows` finds it. Its owner reads `error`."""
    with transaction.atomic():
        news.lock(operation.account_id)
        if not _end(rows, _State.ERROR, error):
            return False
        effects.fail(operation)
        Vm.objects.filter(pk=operation.vm_id or 0).update(date_failed=timezone.now())
        news.note_ended(operation)
    log.info("operation %s %s: %s", operation.pk, operation.type, error)
    return True


def cancel(operation: Operation) -> bool:
    """Cancel a pending operation and release what it reserved. False when it is no longer pending."""
    with transaction.atomic():
        if not _end(Operation.objects.filter(pk=operation.pk, state=_State.PENDING), _State.CANCEL):
            return False
        effects.cancel(operation)
        news.note_ended(operation)
    return True


def _end(rows: QuerySet[Operation], state: Operation.State, error: str = "") -> bool:
    now = timezone.now()
    return bool(
        rows.update(
            state=state,
            step=state,
            last_error=error[:255],
            sealed_password="",
            sealed_user_data="",
            runner="",
            lease_until=None,
            date_due=None,
            date_expected=now,
            date_updated=now,
        )
    )
