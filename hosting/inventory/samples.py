"""The history of an account's balance and capacity: a sample for each change, thinned out with age.

Between two samples, the earlier one applies.

Decision: docs/decisions/0016-samples-thin-out.md
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import DateTimeField, Max, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, TruncDay, TruncHour
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, BalanceSample, CapacitySample

Sample = TypeVar("Sample", BalanceSample, CapacitySample)

# Of samples older than the first, the last of each hour is kept; older than the second, the last of each day.
_HOURLY_AFTER = timedelta(days=7)
_DAILY_AFTER = timedelta(days=90)
_RESOURCES = ("shares", "memory_mb", "disk_mb")


def record(account: Account, at: datetime, *, before: AccountInfo | None, info: dict[str, Any]) -> None:
    """Store a sample of what has changed, in the caller's transaction.

    `info` has the columns of `AccountInfo` as read at `at`, without the balance if that was not read.
    """
    if "balance" in info:
        _record_balance(account, at, info["balance"])
    amounts = _amounts(info["granted"], info["used"])
    if before is None or _amounts(before.granted, before.used) != amounts:
        CapacitySample.objects.create(account=account, at=at, **amounts)


def _record_balance(account: Account, at: datetime, balance: Decimal) -> None:
    """Store a new balance, or the time when the last one was read again."""
    last = BalanceSample.objects.filter(account=account).last()
    if last is None:
        BalanceSample.objects.create(account=account, at=at, balance=balance)
    elif last.balance == balance:
        BalanceSample.objects.filter(pk=last.pk).update(last_at=at)
    else:
        BalanceSample.objects.create(
            account=account,
            at=at,
            balance=balance,
            spent=last.spent + max(Decimal(0), last.balance - balance),
            moved_after=last.last_at or last.at,
            moved_before=timezone.now(),
        )


def _amounts(granted: dict[str, float], used: dict[str, float]) -> dict[str, float]:
    return {
        f"{side}_{name}": float(values.get(name, 0))
        for side, values in (("granted", granted), ("used", used))
        for name in _RESOURCES
    }


def since(rows: QuerySet[Sample], account: Account, start: datetime) -> QuerySet[Sample]:
    """The samples of an account from `start` on, oldest first, preceded by the one that applies at `start`."""
    own = rows.filter(account=account)
    before = own.filter(at__lt=start).order_by("-at").values("at")[:1]
    first = Coalesce(Subquery(before), Value(start), output_field=DateTimeField())
    return own.filter(at__gte=first).order_by("at")


def thin(account: Account, now: datetime) -> None:
    """Delete old samples down to one for each hour or day. Idempotent."""
    balances = BalanceSample.objects.filter(account=account)
    # Matching a change with operations needs the sample before it, so thinning waits for that.
    if not balances.filter(weighed=False).exists():
        _thin(balances, now)
    _thin(CapacitySample.objects.filter(account=account), now)


def _thin(rows: QuerySet[Sample], now: datetime) -> None:
    _keep_last(rows.filter(at__lt=now - _HOURLY_AFTER), TruncHour("at", tzinfo=UTC))
    _keep_last(rows.filter(at__lt=now - _DAILY_AFTER), TruncDay("at", tzinfo=UTC))


def _keep_last(rows: QuerySet[Sample], slot: TruncHour | TruncDay) -> None:
    last = rows.order_by().annotate(slot=slot).values("slot").annotate(last=Max("pk")).values("last")
    rows.exclude(pk__in=last).delete()
