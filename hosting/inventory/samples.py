"""What an account had and used over time: noted whenever it was seen to change, and thinned out as it grows old.

Between two samples everything stayed as the earlier one says.
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

# The last sample of each hour is kept of what is older than the first, of each day of what is older than the second.
_HOURLY_AFTER = timedelta(days=7)
_DAILY_AFTER = timedelta(days=90)
_RESOURCES = ("shares", "memory_mb", "disk_mb")


def record(account: Account, at: datetime, *, before: AccountInfo | None, info: dict[str, Any]) -> None:
    """Write a sample of what differs from what was known, in the caller's transaction.

    `info` holds the columns of an `AccountInfo` as they were read at `at`; without a balance that was not read.
    """
    if "balance" in info:
        _record_balance(account, at, info["balance"])
    amounts = _amounts(info["granted"], info["used"])
    if before is None or _amounts(before.granted, before.used) != amounts:
        CapacitySample.objects.create(account=account, at=at, **amounts)


def _record_balance(account: Account, at: datetime, balance: Decimal) -> None:
    """Keep a balance that is new, or note that the last one was seen again."""
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
    """The samples of an account from `start` on, oldest first, and the one before: it says how things stood then."""
    own = rows.filter(account=account)
    before = own.filter(at__lt=start).order_by("-at").values("at")[:1]
    first = Coalesce(Subquery(before), Value(start), output_field=DateTimeField())
    return own.filter(at__gte=first).order_by("at")


def thin(account: Account, now: datetime) -> None:
    """Let go of samples that are too old to be told apart. Doing it again changes nothing."""
    balances = BalanceSample.objects.filter(account=account)
    # What a change came to is read from the sample before it.
    if not balances.filter(weighed=False).exists():
        _thin(balances, now)
    _thin(CapacitySample.objects.filter(account=account), now)


def _thin(rows: QuerySet[Sample], now: datetime) -> None:
    _keep_last(rows.filter(at__lt=now - _HOURLY_AFTER), TruncHour("at", tzinfo=UTC))
    _keep_last(rows.filter(at__lt=now - _DAILY_AFTER), TruncDay("at", tzinfo=UTC))


def _keep_last(rows: QuerySet[Sample], slot: TruncHour | TruncDay) -> None:
    last = rows.order_by().annotate(slot=slot).values("slot").annotate(last=Max("pk")).values("last")
    rows.exclude(pk__in=last).delete()
