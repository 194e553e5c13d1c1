"""The Trends page and its part of the dashboard."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.inventory.models import BalanceSample, CapacitySample
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from hosting.web.charts import trends
from tests import factories
from tests.web.lists.test_lists import COUNTS, FRAME
from tests.web.pages.test_every_page import check


def history(account: Account, days: int, each: Decimal = Decimal(2)) -> None:
    """Record a daily balance history that ends yesterday."""
    now = timezone.now()
    for ago in range(days, 0, -1):
        spent = each * (days - ago)
        BalanceSample.objects.create(account=account, at=now - timedelta(days=ago), balance=1000 - spent, spent=spent)
        CapacitySample.objects.create(
            account=account,
            at=now - timedelta(days=ago),
            granted_shares=20,
            used_shares=ago % 15,
            granted_memory_mb=20 * 256,
            used_memory_mb=ago % 15 * 256,
            granted_disk_mb=20 * 8192,
            used_disk_mb=ago % 15 * 4096,
        )


def asked(account: Account, days_ago: float, state: str) -> None:
    made = factories.operation(account, state=state)
    Operation.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days_ago))


def page_of(browser: Client, account: Account, query: str = "") -> str:
    return browser.get(reverse("trends", args=[account.pk]) + query).content.decode()


def test_new_account_shows_empty_charts_with_an_explanation(
    browser: Client, account: Account, owner: Membership
) -> None:
    page = page_of(browser, account)
    check("trends", page)
    assert page.count("No data yet.") == 4
    assert "No operations in this period." in page
    assert "Not enough history to forecast" in browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    unread = factories.account(owner.team, mirrored_at=None)
    unread.info.delete()
    assert "First import in progress" in page_of(browser, unread)


@pytest.mark.parametrize("days", [3, 400])
def test_trends_page_uses_the_same_queries_for_any_history(
    browser: Client, account: Account, django_assert_num_queries: DjangoAssertNumQueries, days: int
) -> None:
    history(account, days)
    for number in range(days):
        asked(account, number % 300, "done")
    # Balance, capacity, operations.
    with django_assert_num_queries(FRAME + COUNTS + 3):
        page = page_of(browser, account, "?period=365")
    check("trends", page)
    for path in re.findall(r'class="plot-path[^"]*" d="([^"]+)"', page):
        assert path.count("V") < 200


def test_runway_is_shown_beside_the_balance(browser: Client, account: Account) -> None:
    history(account, 101)
    # The account spent 2 a day and has 800 left.
    ends = timezone.localtime(timezone.now() + timedelta(days=800 / 2))
    expected = re.compile(rf"At this rate, the balance lasts until \d+ \w+ ({ends.year}|{ends.year + 1})\.")
    assert expected.search(page_of(browser, account))
    dashboard = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert expected.search(dashboard)
    assert 'aria-label="Balance over the last 90 days: from 978.00 to 800.00"' in dashboard


def test_operations_are_counted_by_day_or_week_and_outcome(browser: Client, account: Account) -> None:
    for days_ago, state in [
        (0, "done"),
        (0, "refused"),
        (0, "tracked"),
        (3, "failed"),
        (20, "cancelled"),
        (80, "done"),
    ]:
        asked(account, days_ago, state)
    asked(account, 0, "uncertain")
    week = page_of(browser, account, "?period=7")
    assert "1 done, 2 failed, 1 unconfirmed" in week
    assert "Operations per day" in week
    quarter = page_of(browser, account, "?period=90")
    assert "2 done, 2 failed, 1 unconfirmed, 1 cancelled" in quarter
    assert "Operations per week" in quarter
    # An invalid period falls back to the default.
    assert 'aria-current="true">30 days' in page_of(browser, account, "?period=-1")


def exported(browser: Client, account: Account, of: str) -> list[str]:
    response: Any = browser.get(f"{reverse('trends', args=[account.pk])}?period=30&format=csv&of={of}")
    assert response.status_code == 200
    assert response["Content-Disposition"].startswith("attachment")
    return b"".join(response.streaming_content).decode().splitlines()


def test_chart_is_also_a_table_and_a_csv_file(browser: Client, account: Account, client: Client) -> None:
    history(account, 10)
    BalanceSample.objects.create(account=account, at=timezone.now(), balance="-3.25", spent=1000)
    asked(account, 0, "refused")
    page = page_of(browser, account)
    assert '<td data-label="Balance in EUR">-3.25</td>' in page
    assert '<td data-label="Granted">160 GB</td>' in page
    lines = exported(browser, account, "balance")
    assert lines[0] == '"from","balance"'
    assert len(lines) == 12
    # A negative number is not escaped as a formula.
    assert lines[-1].endswith(",-3.25")
    assert exported(browser, account, "capacity")[1].endswith(",20.0,10.0,5120.0,2560.0,163840.0,40960.0")
    assert exported(browser, account, "operations")[-1].endswith(",0,1,0,0")
    nonsense = reverse("trends", args=[account.pk]) + "?format=csv&of=secrets"
    assert browser.get(nonsense).status_code == 404
    client.force_login(factories.member().user)
    assert client.get(nonsense.replace("secrets", "balance")).status_code == 404


def test_currency_is_escaped(browser: Client, account: Account) -> None:
    history(account, 3)
    account.info.currency = "<b>"
    account.info.save()
    page = page_of(browser, account)
    assert "Balance in &lt;b&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize(("zone", "counts"), [("UTC", [1, 0]), ("Europe/Paris", [0, 1])])
def test_days_follow_the_time_zone_of_the_viewer(account: Account, zone: str, counts: list[int]) -> None:
    now = datetime(2026, 11, 24, 10, tzinfo=UTC)
    made = factories.operation(account, state="done")
    Operation.objects.filter(pk=made.pk).update(created_at=datetime(2026, 11, 23, 23, 30, tzinfo=UTC))
    with timezone.override(zone):
        slots = trends.operation_slots(account, 7, now)
    assert [str(slot.first) for slot in slots[-2:]] == ["2026-11-23", "2026-11-24"]
    assert [slot.counts["done"] for slot in slots[-2:]] == counts


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan of another database reads otherwise")
def test_operations_of_a_day_are_found_by_index(account: Account) -> None:
    with CaptureQueriesContext(connection) as asked:
        trends.operation_slots(account, 30, timezone.now())
    (query,) = asked.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        searches = [line[3] for line in cursor.fetchall() if line[3].startswith("SEARCH")]
    assert len(searches) == 30
    assert all("created_at>?" in search for search in searches), searches[0]
