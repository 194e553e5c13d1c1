"""The steps of an operation: claim it, have the driver do what is missing, write how it goes.

A step holds no thread longer than the driver's call. The driver's verbs may be repeated, so a step that was broken off,
by a restart or because its worker lost the lease, is simply taken again.

Decision: docs/decisions/0037-driver-interface.md
"""

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from hosting.provider import news
from hosting.provider.drivers.base import Again, CannotDo, HostAway
from hosting.provider.engine import alerts, effects, ending, leases, rows_only, specs
from hosting.provider.engine.driver import driver
from hosting.provider.models import Disk, Operation

log = logging.getLogger(__name__)

# After a setback the next try waits 1, 2, 4 … seconds, at most so many.
BACKOFF_MAX_S = 30.0
_SETBACKS_MAX = 5  # more of them wait no longer
# When a driver has broken so often in one operation (the last time after half a minute), it is given up.
FAULTS_MAX = 6
GIVEN_UP = "The host could not carry it out; our staff was told."
_RELEASED: dict[str, Any] = {"runner": "", "lease_until": None}


def begin(operation_id: int) -> None:
    """Claim a pending operation, check that it still makes sense, and take its first step."""
    lease = leases.Lease(operation_id)
    now = timezone.now()
    account_id = Operation.objects.values_list("account_id", flat=True).get(pk=operation_id)
    with transaction.atomic():
        news.lock(account_id)
        pending = Operation.objects.filter(leases.not_held(), pk=operation_id, state=Operation.State.PENDING)
        claimed = pending.update(
            state=Operation.State.RUN,
            step=Operation.Step.RUN,
            runner=lease.runner,
            lease_until=leases.until(),
            date_start=now,
            date_due=now,
            date_updated=now,
        )
        if not claimed:
            return
        operation = _read(operation_id)
        if problem := effects.problem_at_start(operation):
            ending.fail(operation, lease.rows(), problem)
            return
        news.note_begun(operation)
    _take(operation, lease)


def go_on(operation_id: int) -> None:
    """Take the next step of a running operation, unless somebody else does."""
    if lease := leases.take(operation_id):
        _take(_read(operation_id), lease)


def _read(operation_id: int) -> Operation:
    disks = Prefetch("vm__disks", Disk.objects.select_related("os"))
    return Operation.objects.select_related(*specs.RELATED).prefetch_related(disks).get(pk=operation_id)


def _take(operation: Operation, lease: leases.Lease) -> None:
    """One call of the driver, with the lease renewed meanwhile, and what follows from its answer."""
    host = specs.host_of(operation)
    try:
        with leases.kept(lease):
            if host is None:
                again = rows_only.carry_out(operation)
            elif operation.failure:
                again = driver().clean_up(specs.work_of(operation, host), lease.fence)
            else:
                secrets = specs.password_of(operation), specs.user_data_of(operation)
                work = specs.work_of(operation, host, *secrets)
                again = driver().carry_out(work, lease.fence)
            if again:
                _wait(lease, again)
            elif operation.failure:
                ending.fail(operation, lease.rows(), operation.failure)
            else:
                _complete(operation, lease)
    except leases.LeaseLostError:
        log.warning("operation %s: its lease is lost; another worker goes on", operation.pk)
    except HostAway as silence:
        log.warning("operation %s: host %s does not answer: %s", operation.pk, host, silence)
        _retry(operation, lease)
    except CannotDo as answer:
        _fail(operation, lease, str(answer))
    except Exception:
        log.exception("operation %s: the driver failed", operation.pk)
        _count_fault(operation, lease)


def _complete(operation: Operation, lease: leases.Lease) -> None:
    try:
        ending.complete(operation, lease.rows())
    except effects.CannotComplete as problem:
        _fail(operation, lease, str(problem))


def _wait(lease: leases.Lease, again: Again) -> None:
    """The work goes on by itself: the next step is due later."""
    now = timezone.now()
    lease.rows().update(
        step=Operation.Step.RUN,
        setbacks=0,
        date_due=now + timedelta(seconds=again.after_s),
        date_expected=now + timedelta(seconds=again.eta_s),
        **_RELEASED,
    )


def _retry(operation: Operation, lease: leases.Lease, *, faults: int | None = None) -> None:
    """Take the step again, later each time that it does not get on."""
    pause_s = min(BACKOFF_MAX_S, 2.0**operation.setbacks)
    lease.rows().update(
        setbacks=min(operation.setbacks + 1, _SETBACKS_MAX),
        faults=operation.faults if faults is None else faults,
        date_due=timezone.now() + timedelta(seconds=pause_s),
        **_RELEASED,
    )


def _fail(operation: Operation, lease: leases.Lease, error: str) -> None:
    """Have the driver clean up, then end the operation with this error. Without a host there is nothing to clean up."""
    if operation.failure:
        text = f"operation {operation.pk}: its host cannot clean up: {error}"
        alerts.tell(alerts.Kind.OPERATION, operation.pk, text, host=specs.host_of(operation), vm=operation.vm)
        ending.fail(operation, lease.rows(), operation.failure)
    elif specs.host_of(operation) is None:
        ending.fail(operation, lease.rows(), error)
    else:
        now = timezone.now()
        lease.rows().update(failure=error[:255] or GIVEN_UP, setbacks=0, faults=0, date_due=now, **_RELEASED)


def _count_fault(operation: Operation, lease: leases.Lease) -> None:
    """The driver raised what it should not: try again, but not for ever. Its text is in the log alone."""
    faults = operation.faults + 1
    if faults < FAULTS_MAX:
        _retry(operation, lease, faults=faults)
        return
    if not operation.failure:
        text = f"operation {operation.pk} ({operation.type}): the driver failed {faults} times; see the log"
        alerts.tell(alerts.Kind.OPERATION, operation.pk, text, host=specs.host_of(operation), vm=operation.vm)
    _fail(operation, lease, GIVEN_UP)
