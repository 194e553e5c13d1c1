"""Expiry of products and its impact on the resources in use."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.capacity import Amounts
from hosting.inventory.expiry_impact import Fleet, Holding, Impact, Pool, Server, renewed
from hosting.operations.capacity import expiry
from tests import factories
from tests.factories import SHARE

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def in_days(days: int) -> datetime:
    return NOW + timedelta(days=days)


# Ten shares and 1,000 MB of quota are granted; seven shares of which are used, with 60,000 MB of disk.
GRANTED = SHARE.times(10) + Amounts(disk_mb=1000)
USED = Amounts(**{**SHARE.times(7).as_json(), "disk_mb": 60_000})
HOLDINGS = [
    Holding(is_disk=False, quantity=2, ends=in_days(3)),
    Holding(is_disk=True, quantity=1000, ends=in_days(5)),
    Holding(is_disk=False, quantity=4, ends=in_days(9)),
    Holding(is_disk=False, quantity=4, ends=None),
]


@pytest.mark.parametrize(
    ("day", "shares", "disk_mb", "missing_shares", "missing_disk_mb"),
    [
        (0, 10, 82_920, 0, 0),
        (2, 10, 82_920, 0, 0),
        # The day itself counts.
        (3, 8, 66_536, 0, 0),
        (5, 8, 65_536, 0, 0),
        (9, 4, 32_768, 3, 27_232),
        (999, 4, 32_768, 3, 27_232),
    ],
)
def test_pool_shrinks_by_ended_products(
    day: int, shares: int, disk_mb: int, missing_shares: int, missing_disk_mb: int
) -> None:
    impact = Pool(GRANTED, USED, SHARE, HOLDINGS).after(in_days(day))
    assert (impact.pool.shares, impact.pool.disk_mb, impact.pool.memory_mb) == (shares, disk_mb, 256 * shares)
    assert (impact.missing_shares, impact.missing.disk_mb) == (missing_shares, missing_disk_mb)
    assert impact.missing.memory_mb == 256 * missing_shares
    assert impact.fits == (missing_shares == 0)


def test_ended_product_under_renewal_counts_until_its_new_end() -> None:
    back = Holding(is_disk=False, quantity=3, ends=in_days(20), granted=False)
    pool = Pool(SHARE.times(4), USED, SHARE, [back])
    assert pool.after(in_days(1)).pool.shares == 7
    assert pool.after(in_days(20)).pool.shares == 4


@pytest.mark.parametrize(
    ("missing", "names"),
    [
        (Amounts(), []),
        (Amounts(shares=1, memory_mb=256), ["newest"]),
        (Amounts(shares=2, memory_mb=512), ["newest"]),
        (Amounts(shares=3, memory_mb=768), ["newest", "middle"]),
        (Amounts(shares=99), ["newest", "middle", "oldest"]),
        # A server may have more memory than its shares are worth.
        (Amounts(memory_mb=600), ["newest", "middle"]),
        # No server has to go for disk space: disks do.
        (Amounts(disk_mb=5000), []),
    ],
)
def test_newest_servers_are_paused_first(missing: Amounts, names: list[str]) -> None:
    running = SHARE.times(7) + missing
    servers = [Server(3, "newest", 2, 512), Server(2, "middle", 1, 1024), Server(1, "oldest", 4, 1024)]
    impact = Impact(SHARE.times(7), running)
    assert [server.hostname for server in Fleet(servers, running).paused_by(impact)] == names


@pytest.mark.parametrize(
    ("ends", "months", "until"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2026, 11, 15, tzinfo=UTC), 14, datetime(2028, 1, 15, tzinfo=UTC)),
        (datetime(9999, 12, 1, tzinfo=UTC), 1, None),
    ],
)
def test_renewal_adds_calendar_months(ends: datetime, months: int, until: datetime | None) -> None:
    assert renewed(ends, months, ends.day) == until


def test_renewal_returns_to_the_day_of_the_purchase() -> None:
    assert renewed(datetime(2026, 2, 28, tzinfo=UTC), 1, 31) == datetime(2026, 3, 31, tzinfo=UTC)


@pytest.fixture
def account(db: None) -> Account:
    """Sixteen shares, of which six are used by three servers; two products of eight end in 10 and in 70 days."""
    made = factories.account(factories.team(), shares=16, used=6)
    factories.product(made, quantity=12, ends_in_days=10, redemption_days=7)
    factories.product(made, quantity=4, ends_in_days=100)
    for number in range(3):
        born = timezone.now() - timedelta(days=30 - number)
        factories.vm(made, f"web-{number}", shares=2, memory_mb=512, date_created=born)
    return made


def days(account: Account) -> list[expiry.Day]:
    return [day for month in expiry.calendar(account, timezone.now()).months for day in month.days]


def shares_left(account: Account) -> list[float]:
    return [day.impact.pool.shares for day in days(account) if day.impact]


def test_calendar_days_show_remaining_shares_and_servers_that_stop_fitting(account: Account) -> None:
    first, last = days(account)
    assert shares_left(account) == [4, 0]
    assert [server.hostname for server in first.servers] == ["web-2"]
    assert [server.hostname for server in last.servers] == ["web-2", "web-1", "web-0"]
    ending = first.endings[0]
    assert ending.redeemable_until == ending.ends + timedelta(days=7)


def test_running_renewal_counts(account: Account) -> None:
    product = account.product_set.get(quantity=12)
    params = {"product_id": product.remote_id, "duration": "1y"}
    values: dict[str, Any] = {
        "kind": "hosting_account_product_renew",
        "params": params,
        "product_id": product.remote_id,
    }
    factories.running_operation(account, vm_id=None, **values)
    assert shares_left(account) == [16, 12]
    month = expiry.calendar(account, timezone.now()).months[0]
    assert month.renewable == []


def test_product_that_renews_itself_stays_unless_the_balance_is_too_low(account: Account) -> None:
    account.product_set.filter(quantity=12).update(autorenew=True)
    assert shares_left(account) == [16, 12]
    assert [day.endings[0].renews_itself for day in days(account)] == [True, False]
    too_low = account.product_set.filter(quantity=12).values_list("remote_id", flat=True)
    calendar = expiry.calendar(account, timezone.now(), not_renewed=set(too_low))
    (day,) = calendar.until(timezone.now() + timedelta(days=30))
    assert not day.endings[0].renews_itself
    assert [server.hostname for server in day.servers] == ["web-2"]


def test_stopped_and_paused_servers_are_not_paused(account: Account) -> None:
    """The oldest of three runs, and its two shares fit into the four that are left."""
    factories.vm(account, "brand-new", shares=2, state="being_created", date_created=timezone.now())
    account.vm_set.filter(hostname="web-2").update(state="halted")
    account.vm_set.filter(hostname="web-1").update(state="paused")
    first, last = days(account)
    assert list(first.servers) == []
    assert [server.hostname for server in last.servers] == ["brand-new", "web-0"]


def test_ended_product_is_not_subtracted_twice(account: Account) -> None:
    factories.product(account, quantity=3, ends_in_days=-2, is_in_redemption=True, redemption_days=7)
    calendar = expiry.calendar(account, timezone.now())
    assert [day.impact for day in calendar.over] == [None]
    assert len(calendar.over_renewable) == 1
    assert shares_left(account) == [4, 0]


def test_product_without_end_or_of_unknown_kind_reduces_nothing(account: Account) -> None:
    factories.product(account, quantity=5, date_end=None)
    factories.product(account, product_name="addresses", quantity=5, ends_in_days=2)
    assert shares_left(account) == [16, 4, 0]
