"""What products cost, and how their terms change."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.provider.rules import products
from hosting.provider.rules.products import ADD, REMOVE, RENEW, UPDATE, Terms

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PRICE = Decimal(12)


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, (2026, 2, 28)), (12, (2027, 1, 31)), (13, (2027, 2, 28)), (25, (2028, 2, 29))],
)
def test_months_end_on_the_last_existing_day(months: int, expected: tuple[int, int, int]) -> None:
    assert products.add_months(NOW, months).timetuple()[:3] == expected


def test_add_and_renew_cost_price_times_quantity_times_months() -> None:
    terms = Terms(4, NOW, PRICE)
    assert products.cost(ADD, terms, {"duration": "1m"}, PRICE, NOW) == Decimal(48)
    assert products.cost(RENEW, terms, {"duration": "2y"}, PRICE, NOW) == Decimal(48) * 24


def test_growth_is_charged_and_shrinking_refunded_for_the_time_left() -> None:
    terms = Terms(4, NOW + timedelta(days=31), PRICE)
    assert products.cost(UPDATE, terms, {"quantity": 6}, PRICE, NOW) == Decimal(24)
    assert products.cost(UPDATE, terms, {"quantity": 1}, PRICE, NOW) == Decimal(-36)
    assert products.cost(REMOVE, terms, {}, PRICE, NOW + timedelta(days=62)) == 0


@given(
    st.integers(1, 60),
    st.integers(1, 4096),
    st.decimals("0.0001", "999", places=4),
    st.decimals("0.0001", "999"),
)
def test_no_round_trip_makes_money(months: int, quantity: int, paid: Decimal, price: Decimal) -> None:
    """Buying and giving back at once never returns more than was paid, whatever the price has become."""
    end = products.add_months(NOW, months)
    buying = products.cost(ADD, Terms(quantity, end, paid), {"duration": f"{months}m"}, paid, NOW)
    refund = products.cost(REMOVE, Terms(quantity, end, paid), {}, price, NOW)
    assert buying + refund >= 0
    assert refund <= 0


def test_fixed_shares_can_only_be_renewed_and_expired_ones_too() -> None:
    live, over = Terms(4, NOW + timedelta(days=1), PRICE), Terms(4, NOW, PRICE)
    assert products.why_not(RENEW, "shares_fixed", live, NOW) == []
    assert products.why_not(REMOVE, "shares_fixed", live, NOW) == ["fixed shares can only be renewed"]
    assert products.why_not(UPDATE, "shares", live, NOW) == []
    assert products.why_not(UPDATE, "shares", over, NOW) == ["product is in redemption: renew it first"]
    assert products.why_not(RENEW, "shares", over, NOW) == []
    assert products.why_not(RENEW, "shares", live, NOW, active=False) == ["product is not active yet"]


def test_terms_after_an_operation() -> None:
    terms = Terms(4, NOW, PRICE)
    assert products.after(RENEW, terms, {"duration": "1m"}, PRICE).date_end == products.add_months(NOW, 1)
    assert products.after(UPDATE, terms, {"quantity": 6}, Decimal(10)) == Terms(6, NOW, Decimal(10))
    assert products.after(REMOVE, terms, {}, PRICE).removed
