"""Estimates of costs, based on earlier prices."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.utils import timezone

from hosting.inventory.periods import add_months
from hosting.operations.costs import estimates, prices
from hosting.operations.costs.estimates import Price
from hosting.operations.kinds.catalogue import RemoveProduct, UpdateProduct
from tests import factories

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TWELVE = Price(Fraction(12), "EUR", NOW)


@pytest.mark.parametrize(
    ("cost", "quantity", "months", "wanted", "for_months", "amount"),
    [
        ("24.00", 2, 1, 2, 1, "24.00"),
        ("24.00", 2, 1, 3, 12, "432.00"),
        # Twenty for three has no end, and must not cost a cent more for that.
        ("20.00", 3, 1, 3, 1, "20.00"),
        ("10.00", 3, 1, 3, 1, "10.00"),
        ("10.00", 3, 1, 1, 1, "3.34"),
        ("12.29", 20480, 3, 20480, 3, "12.29"),
    ],
)
def test_purchases_and_renewals_use_the_last_price(
    cost: str, quantity: int, months: int, wanted: int, for_months: int, amount: str
) -> None:
    price = estimates.learned(Decimal(cost), quantity, months, currency="EUR", bought_at=NOW)
    assert price is not None
    assert estimates.paid(price, wanted, for_months).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("quantity", "wanted", "days", "amount"),
    [
        (4, 6, 31, "24.00"),
        # Until 1 May: the months have 31 and 30 days.
        (4, 6, 61, "48.00"),
        (4, 2, 31, "-24.00"),
        (4, 0, 31, "-48.00"),
        (4, 4, 31, "0.00"),
        # A charge is rounded up, what is given back down. The month until 11 March has 28 days.
        (4, 5, 10, "4.29"),
        (4, 3, 10, "-4.28"),
        # What has ended has no time left.
        (4, 0, -3, "0.00"),
    ],
)
def test_changes_and_releases_use_the_remaining_time(quantity: int, wanted: int, days: int, amount: str) -> None:
    end = NOW + timedelta(days=days)
    found = estimates.changed(TWELVE, quantity, wanted, end, NOW, anchor_day=end.day)
    assert found.amount == Decimal(amount)
    assert found.back == max(-Decimal(amount), Decimal(0))


def test_estimate_reports_an_insufficient_balance() -> None:
    asked = estimates.paid(TWELVE, 2, 1)
    assert asked.exceeds(Decimal("23.99"))
    assert not asked.exceeds(Decimal(24))
    release = estimates.changed(TWELVE, 4, 0, NOW + timedelta(days=31), NOW, anchor_day=1)
    assert not release.exceeds(Decimal(-5))


def test_combined_estimate_has_the_age_of_its_oldest_price() -> None:
    older = Price(Fraction(10), "EUR", NOW - timedelta(days=9))
    found = estimates.together([estimates.paid(TWELVE, 1, 1), estimates.paid(older, 1, 1)])
    assert found is not None
    assert (found.amount, found.price) == (Decimal(22), older)
    assert estimates.together([]) is None
    francs = Price(Fraction(10), "CHF", NOW)
    assert estimates.together([estimates.paid(TWELVE, 1, 1), estimates.paid(francs, 1, 1)]) is None


def test_no_price_is_learned_from_a_free_purchase() -> None:
    assert estimates.learned(Decimal(0), 2, 1, currency="EUR", bought_at=NOW) is None
    assert estimates.learned(Decimal(5), 0, 1, currency="EUR", bought_at=NOW) is None


@pytest.mark.django_db
def test_newest_price_across_the_teams_accounts_at_one_provider_counts() -> None:
    team = factories.team()
    ours = factories.account(team)
    beside = factories.account(team, label="Beside", endpoint=ours.endpoint)
    product = factories.product(beside, product_name="disk", quantity=20480)
    factories.purchase(ours, "shares", 2, "1m", cost="30.00", days_ago=9)
    factories.purchase(beside, "shares", 2, "1y", cost="288.00", days_ago=3)
    factories.purchase(ours, "shares", 2, "1m", cost=None, days_ago=1)
    factories.renewal(beside, product, "3m", cost="12.29", days_ago=2)
    known = prices.known(ours)
    assert known["shares"].unit == 12
    assert known["shares"].currency == "EUR"
    assert timezone.now() - (known["shares"].bought_at or NOW) >= timedelta(days=3)
    assert estimates.paid(known["disk"], 20480, 3).amount == Decimal("12.29")
    assert "shares_fixed" not in known


@pytest.mark.django_db
def test_refund_is_no_higher_than_the_least_that_was_paid_for_the_product() -> None:
    ours = factories.account(factories.team())
    now = timezone.now()
    product = factories.product(ours, quantity=2, date_created=now, date_end=add_months(now, 2, now.day))
    factories.renewal(ours, product, "1m", cost="20.00", days_ago=5)
    factories.purchase(ours, "shares", 1, "1m", cost="12.00", days_ago=1)
    known = prices.known(ours)
    amounts = [
        estimate.amount
        for kind in (RemoveProduct(product.remote_id), UpdateProduct(product.remote_id, 3))
        if (estimate := prices.estimate(kind, product, known, now))
    ]
    assert amounts == [Decimal(-40), Decimal(24)]


@pytest.mark.django_db
def test_no_price_is_learned_from_another_team_endpoint_or_currency() -> None:
    team = factories.team()
    ours = factories.account(team)
    elsewhere = factories.account(team, label="Elsewhere")
    stranger = factories.account(factories.team(), endpoint=ours.endpoint)
    francs = factories.account(team, label="Francs", endpoint=ours.endpoint)
    francs.info.currency = "CHF"
    francs.info.save()
    for account in (elsewhere, stranger, francs):
        factories.purchase(account, "shares", 2, "1m", cost="30.00")
    assert prices.known(ours) == {}
