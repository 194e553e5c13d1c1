"""Runs operations: PENDING -> RUN -> DONE or ERROR.

The rows are the truth. Every move is a conditional UPDATE, so that any number of workers can run this at once
and a worker that dies leaves nothing behind that the next one does not find. Operations on one VM, disk or
product run one after another in the order of their ids; all others run beside each other, without a thread
for each: a driver begins the work, and is then asked how it goes.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.module_loading import import_string

from hosting.provider import news
from hosting.provider.drivers.base import Driver, Work
from hosting.provider.engine import effects
from hosting.provider.models import Operation
from hosting.provider.sealing import unseal

log = logging.getLogger(__name__)
T = TypeVar("T")
# A worker that claimed an operation has this long to hand it to the driver before another one does.
CLAIM_LEASE = timedelta(seconds=10)
RETRY = timedelta(seconds=5)

_running = threading.Lock()
_wanted = threading.Event()


@cache
def driver() -> Driver:
    """The driver that the settings name."""
    made: Driver = import_string(settings.PROVIDER_DRIVER)(settings.PROVIDER_SPEED)
    return made


def work_of(operation: Operation, password: str = "") -> Work:
    return Work(operation.pk, operation.type, operation.params, password, operation.scripted_failure)


def run_due() -> None:
    """Run everything that is due, in one thread of the process. A call meanwhile makes that thread check again."""
    _wanted.set()
    while _wanted.is_set() and _running.acquire(blocking=False):
        try:
            _wanted.clear()
            while _start_ready() + _look_due():
                pass
        finally:
            _running.release()


def _start_ready() -> int:
    """Begin every operation that nothing open on the same object precedes. Returns how many began."""
    now = timezone.now()
    busy: set[tuple[str, int | None]] = set()
    ready: list[int] = []
    rows = Operation.objects.filter(state__in=Operation.OPEN).order_by("pk")
    for pk, state, step, due, *objects in rows.values_list(
        "pk", "state", "step", "date_due", "vm_id", "disk_id", "product_id"
    ):
        needs = {pair for pair in zip(("vm", "disk", "product"), objects, strict=True) if pair[1] is not None}
        abandoned = step == Operation.Step.BILL and due is not None and due <= now  # claimed by a worker that is gone
        if abandoned or (state == Operation.State.PENDING and not needs & busy):
            ready.append(pk)
        busy |= needs
    return sum(_guarded(_begin, pk) for pk in ready)


def _begin(pk: int) -> bool:
    """Claim the operation, check that it still makes sense, and hand it to the driver."""
    now = timezone.now()
    claimable = Q(state=Operation.State.PENDING) | Q(
        state=Operation.State.RUN, step=Operation.Step.BILL, date_due__lte=now
    )
    account_id = Operation.objects.values_list("account_id", flat=True).get(pk=pk)
    with transaction.atomic():
        news.lock(account_id)
        claimed = Operation.objects.filter(claimable, pk=pk).update(
            state=Operation.State.RUN,
            step=Operation.Step.BILL,
            date_start=now,
            date_due=now + CLAIM_LEASE,
            date_updated=now,
        )
        if not claimed:
            return False
        operation = Operation.objects.select_related("vm", "disk", "product", "account__handle").get(pk=pk)
        news.note_begun(operation)
    problem = effects.problem_at_start(operation)
    if problem:
        return finish(operation, error=problem)
    try:
        work = work_of(operation, unseal(operation.sealed_password))
        token, estimate_s = driver().begin(work), driver().estimate_s(work)
    except Exception:
        log.exception("operation %s: the driver could not begin", pk)
        return False  # the lease runs out, then it is tried again
    now = timezone.now()
    with transaction.atomic():
        news.lock(account_id)
        running = Operation.objects.filter(pk=pk, state=Operation.State.RUN, step=Operation.Step.BILL).update(
            step=Operation.Step.RUN,
            driver_token=token,
            date_due=now,
            date_expected=now + timedelta(seconds=estimate_s),
            date_updated=now,
        )
        if running:
            news.note_begun(operation)
    return bool(running)


def _look_due() -> int:
    """Ask the driver about every running operation that is due. Returns how many ended."""
    due = Operation.objects.filter(
        state=Operation.State.RUN, step=Operation.Step.RUN, date_due__lte=timezone.now()
    ).select_related("vm", "disk", "product", "account__handle")
    return sum(_guarded(_look, operation) for operation in due.order_by("pk"))


def _guarded(step: Callable[[T], bool], what: T) -> bool:
    """Log an error of one operation, so that it does not stop the others; it is retried at the next check."""
    try:
        return step(what)
    except Exception:
        log.exception("operation %s could not be moved", what)
        return False


def _look(operation: Operation) -> bool:
    try:
        progress = driver().look(work_of(operation), operation.driver_token)
    except Exception:
        log.exception("operation %s: the driver does not say how it goes", operation.pk)
        Operation.objects.filter(pk=operation.pk).update(date_due=timezone.now() + RETRY)
        return False
    if progress.state == "running":
        now = timezone.now()
        Operation.objects.filter(pk=operation.pk, state=Operation.State.RUN).update(
            date_due=now + timedelta(seconds=progress.look_again_s),
            date_expected=now + timedelta(seconds=progress.eta_s),
        )
        return False
    return finish(operation, error=progress.error or "failed" if progress.state == "failed" else "")


def finish(operation: Operation, *, error: str = "") -> bool:
    """End a running operation and apply its effects, in one transaction. False when it had ended already."""
    try:
        with transaction.atomic():
            news.lock(operation.account_id)
            if not _end(operation, error):
                return False
            beside = effects.disks_beside(operation)
            effects.fail(operation) if error else effects.complete(operation)
            news.note_ended(operation, beside)
    except effects.CannotComplete as problem:
        return finish(operation, error=str(problem))
    except Exception:
        if error:
            raise
        log.exception("operation %s: its end could not be written", operation.pk)
        return finish(operation, error="internal error")
    log.info("operation %s %s: %s", operation.pk, operation.type, error or "done")
    return True


def _end(operation: Operation, error: str) -> bool:
    ended = Operation.State.ERROR if error else Operation.State.DONE
    now = timezone.now()
    return bool(
        Operation.objects.filter(pk=operation.pk, state=Operation.State.RUN).update(
            state=ended,
            step=ended,
            last_error=error[:255],
            sealed_password="",
            date_due=None,
            date_expected=now,
            date_updated=now,
        )
    )


def cancel(operation: Operation) -> bool:
    """Cancel a pending operation and release what it reserved. False when it is no longer pending."""
    now = timezone.now()
    with transaction.atomic():
        cancelled = Operation.objects.filter(pk=operation.pk, state=Operation.State.PENDING).update(
            state=Operation.State.CANCEL,
            step=Operation.Step.CANCEL,
            sealed_password="",
            date_due=None,
            date_expected=now,
            date_updated=now,
        )
        if cancelled:
            effects.cancel(operation)
            news.note_ended(operation)
    return bool(cancelled)
