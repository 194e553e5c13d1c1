"""Shares that end: what pages say before, while servers are paused, and of products that renew themselves."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import Product, Vm
from hosting.operations.costs import auto_renewals
from hosting.operations.costs.auto_renewals import Cover
from tests import factories

ENDED = timezone.now() - timedelta(days=2)


def text(browser: Client, name: str, *args: int) -> str:
    """What a page says, in one line."""
    html = browser.get(reverse(name, args=args)).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def paused(account: Account) -> Vm:
    return factories.vm(account, "web-1", state="paused", shares_ended=ENDED)


def test_paused_server_says_why_and_how_to_resume_it(browser: Client, account: Account, paused: Vm) -> None:
    factories.product(account, ends_in_days=-2, is_in_redemption=True)
    page = text(browser, "server", account.pk, paused.remote_id)
    assert "Paused by the provider because its shares ended on" in page
    assert "Renew to resume." in page
    html = browser.get(reverse("server", args=[account.pk, paused.remote_id])).content.decode()
    assert re.search(r'disabled aria-description="Its shares ended\. It resumes[^"]*"[^>]*>.*?Start', html, re.DOTALL)
    listed = text(browser, "servers", account.pk)
    assert "Paused by the provider Its shares ended on" in listed


def test_after_the_redemption_only_other_shares_help(browser: Client, account: Account, paused: Vm) -> None:
    page = text(browser, "server", account.pk, paused.remote_id)
    assert "Buy shares to resume." in page
    assert "Renew to resume." not in page


def test_server_that_staff_paused_is_not_explained_and_can_be_started(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "loud", state="paused")
    page = text(browser, "server", account.pk, vm.remote_id)
    assert "its shares ended" not in page
    html = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert reverse("server_start", args=[account.pk, vm.remote_id]) in html


def test_dashboard_and_calendar_say_how_many_servers_will_be_paused(browser: Client, account: Account) -> None:
    factories.product(account, quantity=12, ends_in_days=5)
    factories.product(account, product_name="disk", quantity=1024, ends_in_days=8)
    for number in range(4):
        born = timezone.now() - timedelta(days=9 - number)
        factories.vm(account, f"web-{number}", date_created=born)
    said = text(browser, "dashboard", account.pk)
    assert said.count("2 servers will be paused.") == 1, "on the day of the shares, not on that of the disk quota"
    assert text(browser, "shares_calendar", account.pk).count("Then 2 servers are paused: web-3 , web-2") == 2


def renewing(account: Account, *, days: int = 5, **fields: object) -> Product:
    return factories.product(account, quantity=12, ends_in_days=days, autorenew=True, **fields)


@pytest.mark.parametrize(
    ("balance", "price", "cover", "urgent"),
    [
        ("144.00", "12.00", Cover.COVERED, False),
        ("143.99", "12.00", Cover.TOO_LOW, True),
        ("143.99", None, Cover.UNKNOWN, True),
        ("0.00", None, Cover.TOO_LOW, True),
    ],
)
def test_product_that_renews_itself_is_urgent_unless_the_balance_covers_it(
    browser: Client, account: Account, balance: str, price: str | None, cover: Cover, *, urgent: bool
) -> None:
    account.info.balance = Decimal(balance)
    account.info.save()
    product = renewing(account)
    factories.vm(account, "web-1", shares=6)
    if price:
        factories.purchase(account, "shares", 1, "1m", cost=price)
    assert auto_renewals.outlook(account, timezone.now()) == {product.remote_id: cover}
    for name in ("dashboard", "shares", "shares_calendar"):
        html = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert "Renews automatically" in html, name
        assert ("Balance too low to renew" in html) == (cover is Cover.TOO_LOW), name
        assert bool(re.search(r'state-(red|orange)">\s*5 days left', html)) == urgent, name
        is_short = bool(re.search(r"1 server will be paused|Then\s+1 server is paused", html))
        assert is_short == (cover is Cover.TOO_LOW and name != "shares"), name


def test_earlier_renewals_take_their_part_of_the_balance(account: Account) -> None:
    account.info.balance = Decimal(200)
    account.info.save()
    later, sooner = renewing(account, days=9), renewing(account, days=3)
    odd = renewing(account, days=1, duration="forever")
    factories.purchase(account, "shares", 1, "1m", cost="12.00")
    found = auto_renewals.outlook(account, timezone.now())
    assert found == {
        later.remote_id: Cover.TOO_LOW,
        sooner.remote_id: Cover.COVERED,
        odd.remote_id: Cover.UNKNOWN,
    }


def test_what_the_provider_did_by_itself_reads_so(browser: Client, account: Account) -> None:
    params = {"vm_id": 1, "hostname": "web-1", "reason": "shares_ended", "shares_ended": "2026-03-01T12:00:00+00:00"}
    factories.operation(account, origin="outside", state="done", params=params)
    factories.operation(
        account,
        origin="outside",
        state="done",
        kind="hosting_account_product_renew",
        params={"product_id": 3, "duration": "1m", "reason": "autorenew"},
        subject="",
        vm_id=None,
    )
    listed = text(browser, "operations", account.pk)
    assert "Pause server web-1" in listed
    assert "Renew product automatically" in listed
    pause = account.operations.get(kind="vm_stop")
    page = text(browser, "operation", account.pk, pause.pk)
    assert "Reason Its shares ended" in page
    assert re.search(r"Shares ended 1 Mar\w* 2026", page)
