"""What products cost, and how their terms change."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.provider.rules import products
from hosting.provider.rules.periods import add_months, months_left
from hosting.provider.rules.products import ADD, REMOVE, RENEW, UPDATE, Terms
from tests.fuzzing import examples
from tests.provider.rules.test_periods import moments

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
PRICE = Decimal(12)


def test_add_and_renew_cost_price_times_quantity_times_months() -> None:
    terms = Terms(4, NOW, PRICE, 31)
    assert products.cost(ADD, terms, {"duration": "1m"}, PRICE, NOW) == Decimal(48)
    assert products.cost(RENEW, terms, {"duration": "2y"}, PRICE, NOW) == Decimal(48) * 24


def test_growth_is_charged_and_shrinking_refunded_for_the_time_left() -> None:
    """Until 3 March, which is a month from 3 February."""
    now = datetime(2026, 2, 3, tzinfo=UTC)
    terms = Terms(4, datetime(2026, 3, 3, tzinfo=UTC), PRICE, 3)
    assert products.cost(UPDATE, terms, {"quantity": 6}, PRICE, now) == Decimal(24)
    assert products.cost(UPDATE, terms, {"quantity": 1}, PRICE, now) == Decimal(-36)
    assert products.cost(UPDATE, terms, {"quantity": 5}, PRICE, now + timedelta(days=21)) == Decimal(3)
    assert products.cost(REMOVE, terms, {}, PRICE, now + timedelta(days=62)) == 0


def test_a_share_of_february_that_grows_to_ten_at_once_costs_what_ten_cost() -> None:
    now = datetime(2026, 2, 1, tzinfo=UTC)
    one = Terms(1, add_months(now, 1, 1), PRICE, 1)
    paid = products.cost(ADD, one, {"duration": "1m"}, PRICE, now)
    assert paid + products.cost(UPDATE, one, {"quantity": 10}, PRICE, now) == Decimal(120)


@dataclass
class Life:
    """A product that is bought, and what happens to it until it is over.

    `paid` is what it has cost, refunds deducted; `used` counts units times months that have passed.
    """

    now: datetime
    price: Decimal
    terms: Terms
    paid: Decimal
    used: Fraction = Fraction(0)

    def do(self, kind: str, params: dict[str, Any], price: Decimal) -> Decimal:
        amount = products.cost(kind, self.terms, params, price, self.now)
        self.paid += amount
        self.terms = products.after(kind, self.terms, params, price)
        return amount

    def wait(self, part: float) -> None:
        """Let that part of the time left pass."""
        before = self.left
        self.now += (self.terms.date_end - self.now) * part
        self.used += before - self.left

    @property
    def left(self) -> Fraction:
        """Units times the months that are left to them."""
        return self.terms.quantity * months_left(self.terms.date_end, self.now, self.terms.anchor_day)


prices = st.decimals("0.0001", "999", places=4)
quantities = st.integers(1, 4096)
months = st.integers(1, 60)
purchases = st.tuples(moments, quantities, months, prices)
changes = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.one_of(
            st.tuples(st.just(UPDATE), st.fixed_dictionaries({"quantity": quantities})),
            st.tuples(st.just(RENEW), months.map(lambda count: {"duration": f"{count}m"})),
        ),
        prices,
    ),
    max_size=8,
)


def buy(purchase: tuple[datetime, int, int, Decimal]) -> Life:
    now, quantity, count, price = purchase
    terms = Terms(quantity, add_months(now, count, now.day), price, now.day)
    paid = products.cost(ADD, terms, {"duration": f"{count}m" if count < 60 else "5y"}, price, now)
    return Life(now, price, terms, paid)


@settings(max_examples=examples(300))
@given(purchase=purchases, changes=changes)
def test_what_was_used_is_paid_for_and_a_refund_is_at_most_what_was_paid(
    purchase: tuple[datetime, int, int, Decimal], changes: list[tuple[float, tuple[str, dict[str, Any]], Decimal]]
) -> None:
    """Whatever the prices become: neither growing later nor giving back makes a month cheaper than it ever was."""
    life = buy(purchase)
    lowest = highest = life.price
    for part, (kind, params), price in changes:
        life.wait(part)
        if life.terms.date_end <= life.now:
            break
        life.do(kind, params, price)
        lowest, highest = min(lowest, price), max(highest, price)
        assert life.paid >= (life.used + life.left) * Fraction(lowest)
    refund = -life.do(REMOVE, {}, highest)
    assert 0 <= refund <= life.left * Fraction(lowest)
    assert life.paid >= life.used * Fraction(lowest)


@settings(max_examples=examples(300))
@given(purchase=purchases, more=quantities, part=st.floats(0, 1))
def test_growing_later_costs_what_the_time_left_costs_at_once_to_the_cent(
    purchase: tuple[datetime, int, int, Decimal], more: int, part: float
) -> None:
    life = buy(purchase)
    life.wait(part)
    exactly = more * life.left / life.terms.quantity * Fraction(life.price)
    paid = Fraction(life.do(UPDATE, {"quantity": life.terms.quantity + more}, life.price))
    assert exactly <= paid < exactly + Fraction(1, 100)


@settings(max_examples=examples(300))
@given(purchase=purchases, wanted=quantities, part=st.floats(0, 1), count=months)
def test_the_order_of_a_renewal_and_an_update_does_not_matter(
    purchase: tuple[datetime, int, int, Decimal], wanted: int, part: float, count: int
) -> None:
    update, renewal = (UPDATE, {"quantity": wanted}), (RENEW, {"duration": f"{count}m"})
    totals = []
    for order in ((update, renewal), (renewal, update)):
        life = buy(purchase)
        life.wait(part * 0.99)
        for kind, params in order:
            life.do(kind, params, life.price)
        totals.append((life.paid, life.terms))
    assert totals[0][1] == totals[1][1]
    assert abs(totals[0][0] - totals[1][0]) <= Decimal("0.02"), "each of two amounts is rounded to a cent"


@settings(max_examples=examples(300))
@given(purchase=purchases, count=st.integers(1, 24))
def test_single_renewals_cost_and_end_as_one_of_all_their_months(
    purchase: tuple[datetime, int, int, Decimal], count: int
) -> None:
    singly, at_once = buy(purchase), buy(purchase)
    for _ in range(count):
        singly.do(RENEW, {"duration": "1m"}, singly.price)
    at_once.do(RENEW, {"duration": f"{count}m"}, at_once.price)
    assert singly.terms == at_once.terms
    assert at_once.paid <= singly.paid <= at_once.paid + Decimal("0.01") * count


@settings(max_examples=examples(300))
@given(quantity=quantities, years=st.integers(1, 5), price=prices, now=moments)
def test_years_are_twelve_months_each(quantity: int, years: int, price: Decimal, now: datetime) -> None:
    terms = Terms(quantity, now, price, now.day)
    for of in (products.cost, lambda *args: products.after(*args[:4])):
        in_months, in_years = (
            of(RENEW, terms, {"duration": text}, price, now) for text in (f"{12 * years}m", f"{years}y")
        )
        assert in_months == in_years


def test_fixed_shares_can_only_be_renewed_and_expired_ones_too() -> None:
    live, over = Terms(4, NOW + timedelta(days=1), PRICE, 31), Terms(4, NOW, PRICE, 31)
    assert products.why_not(RENEW, "shares_fixed", live, NOW) == []
    assert products.why_not(REMOVE, "shares_fixed", live, NOW) == ["fixed shares can only be renewed"]
    assert products.why_not(UPDATE, "shares", live, NOW) == []
    assert products.why_not(UPDATE, "shares", over, NOW) == ["product is in redemption: renew it first"]
    assert products.why_not(RENEW, "shares", over, NOW) == []
    assert products.why_not(RENEW, "shares", live, NOW, active=False) == ["product is not active yet"]


def test_terms_after_an_operation() -> None:
    terms = Terms(4, NOW, PRICE, 31)
    assert products.after(RENEW, terms, {"duration": "1m"}, PRICE).date_end == add_months(NOW, 1, 31)
    assert products.after(UPDATE, terms, {"quantity": 6}, Decimal(10)) == Terms(6, NOW, Decimal(10), 31)
    assert products.after(REMOVE, terms, {}, PRICE).removed
