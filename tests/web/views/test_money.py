"""Prices, costs and estimates on pages, and the calendar of ending products."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo
from hosting.inventory.periods import add_months
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories
from tests.web.browsing import without_isolation
from tests.web.lists.test_csv_export import exported
from tests.web.lists.test_lists import COUNTS, FRAME

UNKNOWN = "the provider has no price list"


def page(browser: Client, name: str, *arguments: object) -> str:
    return words(browser.get(reverse(name, args=arguments)).content.decode())


def words(html: str) -> str:
    """The page's text without tags, words separated by one space."""
    return re.sub(r"[\s\u00a0]+", " ", re.sub(r"<[^>]+>", " ", without_isolation(html)))


def preview(browser: Client, account: Account, asked: str, **typed: object) -> str:
    response = browser.post(f"{reverse('shares_estimate', args=[account.pk])}?for={asked}", typed)
    assert response.status_code == 200
    return words(response.content.decode())


def test_cost_is_shown_in_the_list_on_the_operation_page_and_in_the_csv(browser: Client, account: Account) -> None:
    bought = factories.purchase(account, "shares", 2, "1m", cost="1234.50")
    released = factories.purchase(account, "shares", 2, "1m", cost="-5.25")
    unknown = factories.purchase(account, "shares", 2, "1m", cost=None)
    listed = page(browser, "operations", account.pk)
    assert "1,234.50 EUR" in listed
    assert "5.25 EUR credited" in listed
    assert "5.25 EUR credited" in page(browser, "operation", account.pk, released.pk)
    assert "Cost Not known" in page(browser, "operation", account.pk, unknown.pk)
    rows = {row["id"]: (row["cost"], row["currency"]) for row in exported(browser, "operations", account)}
    assert rows[str(bought.pk)] == ("1234.50", "EUR")
    assert rows[str(released.pk)] == ("-5.25", "EUR")
    assert rows[str(unknown.pk)] == ("", "")


def test_forms_say_when_no_price_is_known(browser: Client, account: Account, owner: Membership) -> None:
    product = factories.product(account)
    assert UNKNOWN in page(browser, "shares_add", account.pk)
    for name in ("shares_renew", "shares_remove"):
        assert UNKNOWN in page(browser, name, account.pk, product.remote_id)
    assert UNKNOWN in preview(browser, account, "add", product_name="shares", quantity=3, duration="2m")


def a_month_and_half_an_hour() -> dict[str, Any]:
    """The dates of a product of which so much is left, whatever the length of the month."""
    now = timezone.now()
    return {"date_created": now, "date_end": add_months(now, 1, now.day) + timedelta(minutes=30)}


def test_forms_estimate_from_the_last_purchase_without_javascript(browser: Client, account: Account) -> None:
    product = factories.product(account, quantity=4, duration="2m", **a_month_and_half_an_hour())
    factories.purchase(account, "shares", 2, "1m", cost="24.00", days_ago=3)
    added = page(browser, "shares_add", account.pk)
    assert "Estimated cost 12.00 EUR" in added
    assert "Estimated, from your purchase on" in added
    assert "12.00 EUR per share and month." in added
    assert "Estimated cost 96.00 EUR" in page(browser, "shares_renew", account.pk, product.remote_id)
    assert "Estimated refund 48.03 EUR" in page(browser, "shares_remove", account.pk, product.remote_id)
    assert "12.00 EUR per share and month." in page(browser, "shares_update", account.pk, product.remote_id)


def test_estimate_follows_the_form_and_warns_of_a_low_balance(browser: Client, account: Account) -> None:
    factories.purchase(account, "shares", 2, "1m", cost="24.00")
    product = factories.product(account, quantity=4, **a_month_and_half_an_hour())
    said = preview(browser, account, "add", product_name="shares", quantity=3, duration="2m")
    assert "Estimated cost 72.00 EUR" in said
    assert "exceeds the balance" not in said
    much = preview(browser, account, "add", product_name="shares", quantity=60, duration="2m")
    assert "This exceeds the balance of 1,234.50 EUR" in much
    assert "Estimated cost 576.00 EUR" in preview(browser, account, f"renew&product={product.remote_id}", duration="1y")
    assert "Estimated refund 24.01" in preview(browser, account, f"update&product={product.remote_id}", quantity=2)
    assert "Fill in the form to see the price" in preview(
        browser, account, f"update&product={product.remote_id}", quantity="x"
    )
    disk = preview(browser, account, "add", product_name="disk", quantity=1024, duration="1m")
    assert UNKNOWN in disk
    assert not Operation.objects.filter(state="waiting").exists()


def test_bulk_renewal_adds_up_the_known_prices(browser: Client, account: Account) -> None:
    factories.purchase(account, "shares", 2, "1m", cost="24.00")
    products = [factories.product(account, quantity=4), factories.product(account, product_name="disk", quantity=1024)]
    ids = [product.remote_id for product in products]
    asked = reverse("shares_bulk", args=[account.pk]) + f"?action=renew&ids={ids[0]}&ids={ids[1]}"
    html = browser.get(asked).content.decode()
    assert f"Shares #{ids[0]}" in html
    assert "Estimated cost 48.00 EUR" in words(html)
    assert "Excludes 1 product whose price isn't known yet" in words(html)
    said = preview(browser, account, "bulk", ids=",".join(map(str, ids)), duration="3m")
    assert "Estimated cost 144.00 EUR" in said


def test_new_server_summary_shows_the_cost_of_its_shares(browser: Client, account: Account) -> None:
    factories.purchase(account, "shares", 2, "1m", cost="24.00")
    url = reverse("server_preview", args=[account.pk])
    assert "Estimated cost 72.00 EUR" in words(browser.post(url, {"buy_shares": 6, "duration": "1m"}).content.decode())
    assert "Estimated cost" not in words(browser.post(url, {"buy_shares": 0}).content.decode())


def test_draft_plan_shows_its_estimated_cost(browser: Client, account: Account, owner: Membership) -> None:
    factories.purchase(account, "shares", 2, "1m", cost="24.00")
    buying = factories.plan(account, by=owner, spec={**factories.SPEC, "buy_shares": 3})
    assert "Estimated cost 36.00 EUR" in page(browser, "plan", account.pk, buying.pk)
    free = factories.plan(account, by=owner)
    assert "Estimated cost" not in page(browser, "plan", account.pk, free.pk)


def test_estimate_for_unknown_action_or_product_is_not_found(
    browser: Client, account: Account, owner: Membership
) -> None:
    elsewhere = factories.product(factories.account(owner.team, label="Other"))
    url = reverse("shares_estimate", args=[account.pk])
    for asked in (
        "",
        "?for=nonsense",
        "?for=renew",
        "?for=renew&product=x",
        f"?for=renew&product={elsewhere.remote_id}",
    ):
        assert browser.post(url + asked).status_code == 404, asked


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"product_name": "shares_fixed", "can_release": False}, "Change, Release: Fixed shares can only be renewed."),
        ({"errors": {"renewing": ["an invoice is open"]}}, "Renew: an invoice is open"),
        ({"errors": {"updating": ["in redemption"], "removing": ["in redemption"]}}, "Change, Release: in redemption"),
        ({"errors": {"releasing": ["still in use"]}}, "Release: still in use"),
        ({"can_release": False}, "Release: This product can&#x27;t be released."),
    ],
)
def test_disabled_product_button_says_why(browser: Client, account: Account, fields: dict[str, Any], said: str) -> None:
    product = factories.product(account, **fields)
    html = browser.get(reverse("shares", args=[account.pk])).content.decode()
    assert said in words(html)
    assert html.count("disabled") == len(said.partition(":")[0].split(", "))
    if "Release" in said:
        remove = reverse("shares_remove", args=[account.pk, product.remote_id])
        assert remove not in html
        response = browser.post(remove, {"nonce": str(uuid.uuid4())})
        assert response.status_code == 422
        assert said.partition(": ")[2] in words(response.content.decode())


def test_page_tells_a_viewer_why_all_buttons_are_disabled(client: Client, account: Account) -> None:
    factories.product(account)
    client.force_login(factories.member(Role.VIEWER, of=account.team).user)
    assert "Your role can't spend money." in page(client, "shares", account.pk)


def test_calendar_shows_ending_products_and_their_impact_on_capacity(browser: Client, account: Account) -> None:
    soon = [factories.product(account, quantity=6, ends_in_days=70, redemption_days=7) for _ in range(2)]
    factories.product(account, quantity=4, ends_in_days=200)
    ended = factories.product(account, ends_in_days=-2, is_in_redemption=True, redemption_days=7)
    for number in range(3):
        factories.vm(account, f"web-{number}", date_created=timezone.now() - timedelta(days=9 - number))
    html = browser.get(reverse("shares_calendar", args=[account.pk])).content.decode()
    said = words(html)
    assert "69 days left" in said or "70 days left" in said
    assert "4 left, 6 used" in said
    assert "2 shares are missing" in said
    assert "Then 1 server is paused: web-2" in said
    assert "The newest servers are paused first" in said
    assert "can be renewed until" in said
    assert "Ended, still renewable" in said
    for product in (*soon, ended):
        assert reverse("shares_renew", args=[account.pk, product.remote_id]) in html
    together = f"?action=renew&amp;ids={soon[0].remote_id}&amp;ids={soon[1].remote_id}"
    assert reverse("shares_bulk", args=[account.pk]) + together in html


def test_calendar_without_products_says_so(browser: Client, account: Account) -> None:
    assert "No upcoming expirations" in page(browser, "shares_calendar", account.pk)


def test_calendar_shows_ends_without_capacity_data(browser: Client, account: Account) -> None:
    AccountInfo.objects.all().delete()
    factories.product(account, quantity=4)
    said = page(browser, "shares_calendar", account.pk)
    assert "4 shares" in said
    assert "left, " not in said


@pytest.mark.parametrize("count", [10, 200])
def test_calendar_uses_the_same_queries_for_any_number_of_products(
    browser: Client, account: Account, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        product = factories.product(account, ends_in_days=number % 90)
        factories.vm(account)
        params = {"product_id": product.remote_id, "duration": "1m"}
        if number % 3 == 0:
            factories.running_operation(
                account, kind="hosting_account_product_renew", params=params, product_id=product.remote_id, vm_id=None
            )
    # Products, those that renew themselves, renewals, what runs, the newest servers.
    with django_assert_num_queries(FRAME + COUNTS + 5):
        browser.get(reverse("shares_calendar", args=[account.pk]))
