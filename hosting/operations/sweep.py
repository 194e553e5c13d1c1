"""The sweep: every half second, find what is due or was lost, and ask for its job again."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from hosting.accounts import availability, credential_rotation
from hosting.accounts.models import Account
from hosting.jobs import Job, ask
from hosting.mail import outbox
from hosting.operations.lifecycle import approvals, cancel, conclude
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import OPEN, State
from hosting.operations.rounds import CLAIM_S
from hosting.teams.people import members

# Jobs asked for in one sweep: more wait for the next one.
_BATCH = 200


def sweep() -> None:
    """Ask for whatever is due. Jobs are only hints: this makes the rows true when a job, a key or a worker is lost."""
    now = timezone.now()
    _expire_stale_senders(now)
    credential_rotation.sweep(now)
    outbox.sweep(now)
    members.sweep(now)
    _queue_operations(now)
    cancel.sweep(now)
    approvals.sweep(now)
    _queue_accounts(now)
    _queue_plans(now)
    _queue_bulks(now)


def _expire_stale_senders(now: datetime) -> None:
    """A call whose worker died may have happened: never back to WAITING."""
    stale = Operation.objects.filter(
        state=State.SENDING, sent_at__lt=now - timedelta(seconds=settings.SENDING_LIMIT_S)
    )[:_BATCH]
    for operation in stale:
        conclude.move(
            operation, State.SENDING, State.UNCERTAIN, problem={"reason": Reason.NO_ANSWER}, due_at=timezone.now()
        )


def _queue_operations(now: datetime) -> None:
    jobs = {State.WAITING: Job.SEND, State.ANSWERED: Job.IDENTIFY, State.UNCERTAIN: Job.SETTLE}
    # What waits is sent or given up, in trouble too: nothing is sent much later behind a member's back. Reading waits
    # until it can work.
    ready = Q(state=State.WAITING) | Q(account__trouble="", account__endpoint__away_since=None)
    due = Operation.objects.filter(ready, state__in=jobs, due_at__lte=now, needs_person=False).values_list(
        "pk", "state"
    )
    found = list(due.order_by("due_at")[:_BATCH])
    Operation.objects.filter(pk__in=[pk for pk, _ in found]).update(due_at=now + timedelta(seconds=10))
    for pk, state in found:
        ask(jobs[State(state)], pk)


def _queue_accounts(now: datetime) -> None:
    """Probes of endpoints that are away; rounds and looks that are due at all others."""
    tracked = Operation.objects.filter(account=OuterRef("pk"), state=State.TRACKED)
    for account_id in availability.probes_due(now):
        ask(Job.TRACK, account_id)
    accounts = Account.objects.filter(trouble="", endpoint__away_since=None)
    due_track = Q(track_due_at=None) | Q(track_due_at__lte=now)
    for account in accounts.filter(due_track, Exists(tracked)):
        if _claim(account, "track_due_at", now):
            ask(Job.TRACK, account.pk)
    due_round = Q(round_due_at=None) | Q(round_due_at__lte=now)
    for account in accounts.filter(due_round):
        if _claim(account, "round_due_at", now):
            ask(Job.REFRESH, account.pk)


def _claim(account: Account, column: str, now: datetime) -> bool:
    before = getattr(account, column)
    return bool(
        Account.objects.filter(pk=account.pk, **{column: before}).update(**{column: now + timedelta(seconds=CLAIM_S)})
    )


def _queue_plans(now: datetime) -> None:
    """Plans that should go on and have no operation under way: whoever was to advance them died."""
    at_work = Operation.objects.filter(plan=OuterRef("pk"), state__in=OPEN)
    idle = Plan.objects.filter(~Exists(at_work), state=Plan.State.RUNNING, updated_at__lt=now - timedelta(seconds=3))
    for pk in idle.values_list("pk", flat=True)[:_BATCH]:
        ask(Job.ADVANCE, pk)


def _queue_bulks(now: datetime) -> None:
    """Bulks that run and were not looked at for a moment: a job of theirs was lost, or waits for a person's word."""
    idle = Bulk.objects.filter(state=Bulk.State.RUNNING, updated_at__lt=now - timedelta(seconds=5))
    for pk in idle.values_list("pk", flat=True)[:_BATCH]:
        ask(Job.ADVANCE_BULK, pk)
