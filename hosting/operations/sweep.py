"""The sweep: every half second, queue the jobs of everything that is due or whose job was lost."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from hosting import leases
from hosting.accounts import availability, credential_rotation, pulse
from hosting.accounts.models import Account
from hosting.inventory.ages import CLAIM_S
from hosting.jobs import Job, enqueue
from hosting.mail import outbox
from hosting.operations.lifecycle import approvals, cancel, conclude
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import OPEN, State
from hosting.teams.people import members
from hosting.viewings import lifecycle as viewings

log = logging.getLogger(__name__)

# Jobs queued in one sweep; the rest wait for the next one.
_BATCH = 200


def sweep() -> None:
    """Queue jobs for whatever is due. Rows are the truth: this recovers from a lost job, Redis key or worker."""
    now = timezone.now()
    _expire_stale_senders()
    # After the first query: while the database is away, nothing is swept.
    pulse.record(pulse.Part.SENDING, now)
    if pulse.is_asked():
        enqueue(Job.PULSE)
    credential_rotation.sweep(now)
    outbox.sweep(now)
    members.sweep(now)
    viewings.sweep()
    _queue_operations(now)
    cancel.sweep(now)
    approvals.sweep(now)
    _queue_accounts(now)
    _queue_plans(now)
    _queue_bulks(now)


def _expire_stale_senders() -> None:
    """Move operations whose worker died to UNCERTAIN, never back to WAITING: their call may have happened."""
    stale = Operation.objects.filter(leases.free(), state=State.SENDING)
    found = list(stale[:_BATCH])
    if found and pulse.was_silent(leases.longest_silence()):
        # The database was away, or all processes stood still: whoever is alive can renew from now on.
        stale.update(claimed_until=leases.until())
        return
    for operation in found:
        with transaction.atomic():
            # Its worker may have renewed its claim meanwhile.
            if not stale.select_for_update(no_key=True).filter(pk=operation.pk).first():
                continue
            conclude.move(
                operation, State.SENDING, State.UNCERTAIN, problem={"reason": Reason.NO_ANSWER}, due_at=timezone.now()
            )
        log.warning(
            "The worker of operation %d counts as dead: sent at %s, claimed until %s",
            operation.pk,
            operation.sent_at,
            operation.claimed_until,
        )


def _queue_operations(now: datetime) -> None:
    jobs = {State.WAITING: Job.SEND, State.ANSWERED: Job.IDENTIFY, State.UNCERTAIN: Job.SETTLE}
    # Waiting operations are sent or given up even when the account is in trouble, so that nothing is sent much later
    # without the member knowing. Jobs that only read wait until the account works again.
    ready = Q(state=State.WAITING) | Q(account__trouble="", account__endpoint__away_since=None)
    due = Operation.objects.filter(ready, state__in=jobs, due_at__lte=now, needs_person=False).values_list(
        "pk", "state"
    )
    found = list(due.order_by("due_at")[:_BATCH])
    Operation.objects.filter(pk__in=[pk for pk, _ in found]).update(due_at=now + timedelta(seconds=10))
    for pk, state in found:
        enqueue(jobs[State(state)], pk)


def _queue_accounts(now: datetime) -> None:
    """Queue probes of endpoints that are away, and the rounds and polls that are due at all others."""
    tracked = Operation.objects.filter(account=OuterRef("pk"), state=State.TRACKED)
    for account_id in availability.probes_due(now):
        enqueue(Job.TRACK, account_id)
    accounts = Account.objects.filter(trouble="", endpoint__away_since=None)
    due_track = Q(track_due_at=None) | Q(track_due_at__lte=now)
    for account in accounts.filter(due_track, Exists(tracked)):
        if _claim(account, "track_due_at", now):
            enqueue(Job.TRACK, account.pk)
    due_round = Q(round_due_at=None) | Q(round_due_at__lte=now)
    for account in accounts.filter(due_round):
        if _claim(account, "round_due_at", now):
            enqueue(Job.REFRESH, account.pk)


def _claim(account: Account, column: str, now: datetime) -> bool:
    before = getattr(account, column)
    return bool(
        Account.objects.filter(pk=account.pk, **{column: before}).update(**{column: now + timedelta(seconds=CLAIM_S)})
    )


def _queue_plans(now: datetime) -> None:
    """Queue running plans without an operation under way: the job that should advance them was lost."""
    at_work = Operation.objects.filter(plan=OuterRef("pk"), state__in=OPEN)
    idle = Plan.objects.filter(~Exists(at_work), state=Plan.State.RUNNING, updated_at__lt=now - timedelta(seconds=3))
    for pk in idle.values_list("pk", flat=True)[:_BATCH]:
        enqueue(Job.ADVANCE, pk)


def _queue_bulks(now: datetime) -> None:
    """Queue running bulk actions that were not advanced for a moment: a job was lost, or rows wait for approval."""
    idle = Bulk.objects.filter(state=Bulk.State.RUNNING, updated_at__lt=now - timedelta(seconds=5))
    for pk in idle.values_list("pk", flat=True)[:_BATCH]:
        enqueue(Job.ADVANCE_BULK, pk)
