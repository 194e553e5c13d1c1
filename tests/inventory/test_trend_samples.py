"""Samples of balance and capacity: recorded on change, thinned with age; and the projected end of the balance."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.inventory import mirror, samples
from hosting.inventory.models import AccountInfo, BalanceSample, CapacitySample
from hosting.inventory.reading import ALL_ACCOUNT_DATA
from hosting.inventory.runway import Known, Outlook, runway
from tests import factories
from tests.contract.conftest import Member
from tests.engine import Engine

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def test_capacity_is_sampled_only_when_it_changes(account: Account, remote: Member, engine: Engine) -> None:
    session = client_for(account, Priority.MIRROR)
    mirror.refresh(session, facts=ALL_ACCOUNT_DATA)
    mirror.refresh(session, facts=ALL_ACCOUNT_DATA)
    (first,) = CapacitySample.objects.filter(account=account)
    assert (first.granted_shares, first.used_shares) == (8, 0)
    remote.buy(3)
    mirror.refresh(session, facts=ALL_ACCOUNT_DATA)
    last = CapacitySample.objects.filter(account=account).latest("at")
    info = AccountInfo.objects.get(account=account)
    assert CapacitySample.objects.filter(account=account).count() == 2
    assert (last.granted_shares, last.at) == (11, info.read_at)
    assert (last.granted_memory_mb, last.granted_disk_mb) == (info.granted["memory_mb"], info.granted["disk_mb"])


@pytest.fixture
def other(db: None) -> Account:
    return factories.account(factories.team())


def note(account: Account, at: datetime, balance: str) -> None:
    before = AccountInfo.objects.get(account=account)
    values = {"balance": Decimal(balance), "granted": before.granted, "used": before.used}
    samples.record(account, at, before=before, info=values)
    AccountInfo.objects.filter(account=account).update(balance=Decimal(balance))


def test_samples_sum_up_spending_without_top_ups(other: Account) -> None:
    for day, balance in enumerate(["100", "90", "90", "140", "115.50"]):
        note(other, NOW + timedelta(days=day), balance)
    found = BalanceSample.objects.filter(account=other).values_list("balance", "spent")
    assert list(found) == [
        (Decimal("100.00"), Decimal("0.00")),
        (Decimal("90.00"), Decimal("10.00")),
        (Decimal("140.00"), Decimal("10.00")),
        (Decimal("115.50"), Decimal("34.50")),
    ]
    assert not CapacitySample.objects.exists()


def test_old_samples_are_thinned_to_hourly_then_daily(other: Account) -> None:
    elsewhere = factories.account(factories.team())
    ages = [
        *(timedelta(minutes=10 * number) for number in range(6)),
        *(timedelta(days=20, minutes=10 * number) for number in range(12)),
        *(timedelta(days=200, hours=number) for number in range(48)),
    ]
    for account in (other, elsewhere):
        BalanceSample.objects.bulk_create(
            BalanceSample(account=account, at=NOW - age, balance=number, spent=number)
            for number, age in enumerate(sorted(ages, reverse=True))
        )
    samples.thin(other, NOW)
    assert BalanceSample.objects.filter(account=other).count() == len(ages), "not before they were weighed"
    BalanceSample.objects.update(weighed=True)
    samples.thin(other, NOW)
    kept = list(BalanceSample.objects.filter(account=other))
    days = [sample.at.date() for sample in kept if NOW - sample.at > timedelta(days=90)]
    assert len(days) == len(set(days)) == 3
    hours = [sample.at for sample in kept if timedelta(days=7) < NOW - sample.at < timedelta(days=90)]
    assert len(hours) == 3
    assert hours[-1] == NOW - timedelta(days=20)
    assert len([sample for sample in kept if NOW - sample.at < timedelta(days=7)]) == 6
    samples.thin(other, NOW)
    assert BalanceSample.objects.filter(account=other).count() == len(kept)
    assert BalanceSample.objects.filter(account=elsewhere).count() == len(ages)


def test_period_starts_with_the_last_sample_before_it(other: Account) -> None:
    for days in (50, 40, 20, 10):
        BalanceSample.objects.create(account=other, at=NOW - timedelta(days=days), balance=days)
    start = NOW - timedelta(days=30)
    found = samples.since(BalanceSample.objects.all(), other, start)
    assert [sample.balance for sample in found] == [40, 20, 10]
    nothing = samples.since(CapacitySample.objects.all(), other, start)
    assert list(nothing) == []


def known(*rows: tuple[int, str, str]) -> list[Known]:
    """(days ago, balance, spent until then)"""
    return [Known(NOW - timedelta(days=days), Decimal(balance), Decimal(spent)) for days, balance, spent in rows]


@pytest.mark.parametrize(
    ("history", "outlook"),
    [
        ([], Outlook.NOT_ENOUGH_HISTORY),
        (known((29, "100", "0"), (1, "50", "50")), Outlook.NOT_ENOUGH_HISTORY),
        (known((300, "100", "0")), Outlook.NOTHING_SPENT),
        # Spent long ago, topped up since.
        (known((300, "100", "0"), (120, "50", "50"), (20, "90", "50")), Outlook.NOTHING_SPENT),
        (known((2, "0", "0")), Outlook.USED_UP),
        (known((60, "10", "0"), (2, "-5", "15")), Outlook.USED_UP),
        (known((90, "5000", "0"), (10, "4999.99", "0.01")), Outlook.FAR),
    ],
)
def test_unknown_end_of_balance_has_no_date(history: list[Known], outlook: Outlook) -> None:
    found = runway(history, NOW)
    assert (found.outlook, found.ends_at) == (outlook, None)


@pytest.mark.parametrize(
    ("history", "per_day", "days_left"),
    [
        # 40 in 40 days, 60 are left.
        (known((40, "100", "0"), (5, "60", "40")), "1", 60),
        # A top-up is no negative spending.
        (known((40, "100", "0"), (20, "60", "40"), (5, "160", "40")), "1", 160),
        # What was spent before the 90 days does not count.
        (known((200, "1000", "0"), (100, "200", "800"), (10, "110", "890")), "1", 110),
    ],
)
def test_balance_end_is_projected_from_recent_spending(history: list[Known], per_day: str, days_left: int) -> None:
    found = runway(history, NOW)
    assert found.outlook == Outlook.ENDS
    assert found.per_day == Decimal(per_day)
    assert found.ends_at == NOW + timedelta(days=days_left)
