"""Queries of the pages, a fixed number for each page.

Decision: docs/decisions/0025-rooms-and-layers.md
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.capacity import Capacity
from hosting.inventory.models import Disk, Product, Vm
from hosting.operations.capacity import expiry, overview
from hosting.operations.costs import auto_renewals
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import OPEN
from hosting.teams.models import Membership

EXPIRING = timedelta(days=30)


def accounts_of(memberships: Iterable[Membership]) -> list[Account]:
    """The accounts that a person's memberships cover, for the account switcher."""
    return list(
        Account.objects.visible_to_any(memberships)
        .select_related("endpoint", "team", "candidate")
        .order_by("team__name", "team_id", "label", "id")
    )


@dataclass(frozen=True)
class Size:
    """How many servers and disks an account has."""

    servers: int
    disks: int


def sizes(accounts: Iterable[Account]) -> dict[int, Size]:
    """The size of each account. Two queries."""
    ids = [account.pk for account in accounts]
    servers, disks = (
        dict(rows.filter(account__in=ids).order_by().values_list("account_id").annotate(count=Count("*")))
        for rows in (Vm.objects.all(), Disk.objects.all())
    )
    return {pk: Size(servers.get(pk, 0), disks.get(pk, 0)) for pk in ids}


def open_by_target(account: Account) -> dict[str, Operation]:
    """The unfinished operations of an account, by the object that they change ("vm:12")."""
    operations = Operation.objects.filter(account=account).open().exclude(target="").order_by("id")
    return {operation.target: operation for operation in operations}


def vm_names(account: Account, remote_ids: Iterable[int | None]) -> dict[int, str]:
    """Host names by the provider's id."""
    wanted = {remote_id for remote_id in remote_ids if remote_id is not None}
    return dict(Vm.objects.filter(account=account, remote_id__in=wanted).values_list("remote_id", "hostname"))


@dataclass(frozen=True)
class StateCount:
    """How many objects of an account are in one state."""

    state: str
    label: str
    count: int


def _by_state(rows: QuerySet[Vm] | QuerySet[Disk], labels: Iterable[tuple[str, object]]) -> list[StateCount]:
    counts = dict(rows.order_by().values_list("state").annotate(count=Count("*")))
    known = [StateCount(state, str(label), counts.pop(state)) for state, label in labels if state in counts]
    return known + [StateCount(state, state, count) for state, count in counts.items()]


def servers_by_state(account: Account) -> list[StateCount]:
    return _by_state(Vm.objects.filter(account=account), Vm.State.choices)


def disks_by_state(account: Account) -> list[StateCount]:
    return _by_state(Disk.objects.filter(account=account), Disk.State.choices)


@dataclass(frozen=True)
class Unattached:
    """How many disks are unattached, and the space that they take, in MB."""

    count: int
    size_mb: int


def unattached_disks(account: Account) -> Unattached:
    rows = Disk.objects.filter(account=account, state=Disk.State.CREATED).order_by()
    found = rows.aggregate(count=Count("*"), size_mb=Sum("size_mb"))
    return Unattached(found["count"], found["size_mb"] or 0)


def capacity_of(account: Account) -> Capacity | None:
    """The account's capacity and what of it is free, from the account that the page has loaded. One query."""
    return overview.overview(account, info=getattr(account, "info", None))


def ends_soon(
    account: Account, now: datetime, *, seen_by: Membership
) -> tuple[list[expiry.Day], dict[int, auto_renewals.Cover]]:
    """The days on which products end within 30 days, or have ended, soonest first; and whether the balance covers
    those that renew themselves.
    """
    covers = auto_renewals.outlook(account, now, seen_by=seen_by)
    return expiring(account, now, covers).until(now + EXPIRING), covers


def expiring(account: Account, now: datetime, covers: Mapping[int, auto_renewals.Cover]) -> expiry.Calendar:
    """The expiry calendar, in which a product renews itself unless the balance does not cover it."""
    too_low = {remote_id for remote_id, cover in covers.items() if cover is auto_renewals.Cover.TOO_LOW}
    return expiry.calendar(account, now, not_renewed=too_low)


def may_redeem_shares(account: Account) -> bool:
    """Whether shares of the account have ended and can still be renewed."""
    ended = Product.objects.filter(account=account, is_in_redemption=True)
    return ended.exclude(product_name=Product.Name.DISK).exists()


def current_bulks(account: Account, now: datetime) -> list[Bulk]:
    """The newest five bulk actions that are not done or began within a day."""
    recent = Q(created_at__gt=now - timedelta(days=1)) | ~Q(state=Bulk.State.DONE)
    bulks = Bulk.objects.filter(recent, account=account).select_related("requested_by", "requested_through")
    return list(bulks.annotate(total=Count("rows"))[:5])


def latest_operations(account: Account, count: int = 8) -> tuple[list[Operation], list[Operation]]:
    """The unfinished operations and the newest finished ones."""
    operations = Operation.objects.filter(account=account).select_related("requested_by", "requested_through")
    finished = operations.exclude(state__in=OPEN).order_by("-created_at", "-id")
    return list(operations.open().order_by("id")[:20]), list(finished[:count])


def running_plans(account: Account) -> list[Plan]:
    """The running plans of an account, at most ten."""
    return list(
        Plan.objects.filter(account=account, state=Plan.State.RUNNING).select_related(
            "requested_by", "requested_through"
        )[:10]
    )


def unfinished_plan_of(account: Account, vm_id: int) -> Plan | None:
    """The newest plan to resize a server that is neither done nor abandoned."""
    over = (Plan.State.DONE, Plan.State.ABANDONED)
    plans = Plan.objects.filter(account=account, kind=Plan.Kind.RESIZE, spec__vm_id=vm_id)
    return plans.exclude(state__in=over).order_by("-id").first()


def operations_with(account: Account, count: int = 10, **object_id: int) -> list[Operation]:
    """The newest operations on one object (`vm_id=12`)."""
    operations = Operation.objects.filter(account=account, **object_id).select_related(
        "requested_by", "requested_through"
    )
    return list(operations.order_by("-id")[:count])


def at_work_on(target: str, operations: Iterable[Operation]) -> Operation | None:
    """The unfinished operation that keeps an object ("vm:12") busy."""
    return next((each for each in operations if each.is_open and each.target == target), None)


def days_left(end: datetime | None) -> int | None:
    """Whole days from now until `end`; negative when it has passed."""
    return None if end is None else (end - timezone.now()).days
