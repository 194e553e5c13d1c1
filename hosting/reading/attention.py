"""What needs a person's attention, for the page, the dashboard and the count in the menu.

Every state that is not final has code that moves it on within a time (see `operations.models.states`). Whatever stays
longer is listed here, so that nothing gets stuck unseen.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from django.db.models import Count, DateTimeField, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from hosting.accounts.models import Account
from hosting.inventory.unread import is_unread
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle.cancel import may_cancel
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import FINAL, HARMLESS, OPEN, State
from hosting.teams.models import Membership
from hosting.teams.roles import Permission

# An unconfirmed operation is looked up within the grace time. After this time, something keeps the lookup from ending.
_UNCONFIRMED_LONG = timedelta(minutes=5)
# Sending and identifying an operation takes seconds.
_NOT_MOVING = timedelta(minutes=15)
# An operation is slow when it is past the provider's estimate by the first, without an estimate for the second, or
# running for the third.
_OVER_ETA, _WITHOUT_ETA, _IN_ANY_CASE = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
# Operations that wait for approval are shown to approvers, and to everybody when so little time is left.
_NEARLY_OVER = timedelta(hours=12)
# Failed operations are shown for so long, unless somebody retries or dismisses them before.
_FAILED_SINCE = timedelta(days=3)
# The test of credentials takes seconds.
_TESTED_WITHIN = timedelta(minutes=5)
_MOST = 50

_MOST_URGENT = (
    "trouble",
    "away",
    "unread",
    "untested",
    "decide",
    "late",
    "held",
    "stopped",
    "paused",
    "unconfirmed",
    "slow",
    "stuck",
    "failed",
    "draft",
)
_DID_NOT_WORK = FINAL - {State.DONE, State.CANCELLED}


@dataclass(frozen=True)
class AttentionItem:
    """One thing that needs attention.

    `why` is one of `_MOST_URGENT`.
    """

    why: str
    account: Account
    operation: Operation | None = None
    plan: Plan | None = None
    bulk: Bulk | None = None
    # Whether the member may act on it, the permission for that, and whether the operation can be cancelled.
    allowed: bool = False
    needs: str = "view"
    cancel: bool = False
    # The operations that wait for an endpoint that is away.
    waiting: int = 0
    # The retries of an operation that turned up late, as far as they may have happened as well.
    doubles: tuple[Operation, ...] = ()


def attention_items(account: Account, *, by: Membership, now: datetime) -> list[AttentionItem]:
    """What needs attention in an account, most urgent first; at most 50 of each sort. Six queries at most."""
    operations = Operation.objects.filter(account=account).select_related("requested_by", "requested_through")
    plans = Plan.objects.filter(account=account)
    found = chain(
        _of_account(account, now),
        _of_operations(_stuck_operations(operations, now, for_whom=[by]).order_by("id")[:_MOST], account, by),
        _of_operations(
            _failed_operations(operations, now).prefetch_related("retries").order_by("-id")[:_MOST], account, by
        ),
        _of_plans(_waiting_plans(plans, now).order_by("-id")[:_MOST], account, by),
        _of_bulks(_waiting_bulks(Bulk.objects.filter(account=account), now)[:_MOST], account, by),
    )
    return sorted(found, key=lambda matter: _MOST_URGENT.index(matter.why))


def counts(accounts: Iterable[Account], now: datetime, *, for_whom: Iterable[Membership] = ()) -> dict[int, int]:
    """The number of items in each account. Four queries, however many accounts there are.

    With `for_whom`, it includes the operations that only these members can approve.
    """
    wanted = {account.pk: len(_matters_of_account(account, now)) for account in accounts}
    operations = Operation.objects.filter(account__in=wanted)
    for rows in (
        _stuck_operations(operations, now, for_whom=for_whom),
        _failed_operations(operations, now),
        _waiting_plans(Plan.objects.filter(account__in=wanted), now),
        _waiting_bulks(Bulk.objects.filter(account__in=wanted), now),
    ):
        for account_id, count in rows.order_by().values_list("account_id").annotate(count=Count("*")):
            wanted[account_id] += count
    return wanted


def awaiting_approval_by(members: Iterable[Membership]) -> Q:
    """Operations waiting for approval that one of these members may approve: another member's, in their team."""
    deciding = [each for each in members if each.person is not None and each.may(Permission.APPROVE)]
    found = Q(pk__in=())
    for each in deciding:
        found |= Q(state=State.HELD, account__team=each.team_id) & ~Q(requested_by=each.user_id)
    return found


def approval_ends_soon(now: datetime) -> Q:
    """Operations waiting for approval whose time for that ends soon."""
    return Q(state=State.HELD, due_at__lt=now + _NEARLY_OVER)


def _stuck_operations(
    operations: QuerySet[Operation], now: datetime, *, for_whom: Iterable[Membership]
) -> QuerySet[Operation]:
    """Unfinished operations that need a person's decision, or that have not moved for too long.

    The time since the last move is by the provider's clock: if that is wrong by minutes, operations show that much
    sooner or later.
    """
    quiet_since = Coalesce(
        "remote_updated_at", "answered_at", "sent_at", "created_at", output_field=DateTimeField(null=True)
    )
    begun = Coalesce("answered_at", "sent_at", "created_at", output_field=DateTimeField(null=True))
    unconfirmed = Q(state=State.UNCERTAIN) & (
        Q(needs_person=True) | Q(begun__lt=now - _UNCONFIRMED_LONG) | Q(account__endpoint__away_since__isnull=False)
    )
    # An overdue estimate is reset to "now" at every check, so the time since the last move counts, not the estimate.
    slow = Q(state=State.TRACKED) & (
        Q(eta_at__lte=now, quiet_since__lt=now - _OVER_ETA)
        | Q(eta_at=None, quiet_since__lt=now - _WITHOUT_ETA)
        | Q(begun__lt=now - _IN_ANY_CASE)
    )
    stuck = Q(state__in=(State.WAITING, State.SENDING, State.ANSWERED), begun__lt=now - _NOT_MOVING)
    return operations.alias(quiet_since=quiet_since, begun=begun).filter(
        ~Q(late_at__isnull=False, dismissed_at=None),
        unconfirmed | slow | stuck | approval_ends_soon(now) | awaiting_approval_by(for_whom),
        state__in=sorted(OPEN),
    )


def _failed_operations(operations: QuerySet[Operation], now: datetime) -> QuerySet[Operation]:
    """Operations of the panel that failed lately and were not retried, done since by another one, or dismissed; and
    those that turned up late, until they are dismissed.

    Failed steps of plans and operations of bulk actions are shown with their plan or bulk action.
    """
    later = Operation.objects.filter(
        account=OuterRef("account"), kind=OuterRef("kind"), target=OuterRef("target"), pk__gt=OuterRef("pk")
    )
    failed = Q(
        ~Exists(Operation.objects.filter(retry_of=OuterRef("pk"))),
        Q(target="") | ~Exists(later.filter(state=State.DONE)),
        created_at__gt=now - _FAILED_SINCE,
        state__in=sorted(_DID_NOT_WORK),
        plan=None,
        bulk=None,
    )
    return operations.filter(failed | Q(late_at__isnull=False), origin=Operation.Origin.PANEL, dismissed_at=None)


def _waiting_plans(plans: QuerySet[Plan], now: datetime) -> QuerySet[Plan]:
    """Plans that wait for a person, and running ones that have not moved for long and have no open operation."""
    at_work = Operation.objects.filter(plan=OuterRef("pk"), state__in=sorted(OPEN))
    idle = Q(~Exists(at_work), state=Plan.State.RUNNING, updated_at__lt=now - _NOT_MOVING)
    return plans.filter(Q(state__in=(Plan.State.DRAFT, Plan.State.STOPPED)) | idle)


def _waiting_bulks(bulks: QuerySet[Bulk], now: datetime) -> QuerySet[Bulk]:
    """Bulk actions that are paused, or that ended lately with failures and were not dismissed."""
    failed = BulkRow.objects.filter(bulk=OuterRef("pk"), state=BulkRow.State.FAILED)
    ended_badly = Q(Exists(failed), state=Bulk.State.DONE, dismissed_at=None, updated_at__gt=now - _FAILED_SINCE)
    return bulks.filter(Q(state=Bulk.State.PAUSED) | ended_badly)


def _of_account(account: Account, now: datetime) -> Iterator[AttentionItem]:
    for why in _matters_of_account(account, now):
        waiting = account.operations.filter(state__in=sorted(OPEN)).count() if why == "away" else 0
        yield AttentionItem(why, account, waiting=waiting)


def _matters_of_account(account: Account, now: datetime) -> list[str]:
    """Why the account as a whole needs attention. Only the first reason is told that keeps everything from working."""
    if _login_needs_look(account):
        return ["trouble"]
    is_tested = _test_takes_long(account, now)
    if account.trouble and not is_tested:
        return []
    if account.endpoint.away_since:
        return ["away"]
    if is_tested:
        return ["untested"]
    return ["unread"] if is_unread(account, now) else []


def _login_needs_look(account: Account) -> bool:
    """Whether the credentials do not work, or new ones were not accepted. False while a test is running."""
    candidate = getattr(account, "candidate", None)
    if candidate is not None and candidate.is_open:
        return False
    return bool(account.trouble) or (candidate is not None and candidate.needs_look)


def _test_takes_long(account: Account, now: datetime) -> bool:
    candidate = getattr(account, "candidate", None)
    return candidate is not None and candidate.is_open and candidate.asked_at < now - _TESTED_WITHIN


def _of_operations(operations: Iterable[Operation], account: Account, by: Membership) -> Iterator[AttentionItem]:
    for operation in operations:
        kind = catalogue.KINDS.get(operation.kind)
        yield AttentionItem(
            _why(operation),
            account,
            operation=operation,
            allowed=_may_see_to(operation, kind, by),
            needs=kind.permission.value if kind else "view",
            cancel=may_cancel(operation, by),
            doubles=tuple(each for each in operation.retries.all() if each.state not in HARMLESS)
            if operation.late_at
            else (),
        )


def _may_see_to(operation: Operation, kind: type[Kind] | None, by: Membership) -> bool:
    if operation.state == State.HELD:
        return by.may(Permission.APPROVE) and operation.requested_by_id != by.user_id
    return kind is not None and by.may(kind.permission)


def _why(operation: Operation) -> str:
    if operation.state == State.HELD:
        return "held"
    if operation.late_at is not None and operation.dismissed_at is None:
        return "late"
    if operation.state in _DID_NOT_WORK:
        return "failed"
    if operation.state == State.UNCERTAIN:
        return "decide" if operation.needs_person else "unconfirmed"
    return "slow" if operation.state == State.TRACKED else "stuck"


def _of_plans(plans: Iterable[Plan], account: Account, by: Membership) -> Iterator[AttentionItem]:
    why = {Plan.State.DRAFT: "draft", Plan.State.STOPPED: "stopped"}
    for plan in plans:
        yield AttentionItem(why.get(Plan.State(plan.state), "stuck"), account, plan=plan)


def _of_bulks(bulks: Iterable[Bulk], account: Account, by: Membership) -> Iterator[AttentionItem]:
    for bulk in bulks:
        why = "paused" if bulk.state == Bulk.State.PAUSED else "failed"
        needs = catalogue.KINDS[bulk.kind].permission
        yield AttentionItem(why, account, bulk=bulk, allowed=by.may(needs), needs=needs.value)
