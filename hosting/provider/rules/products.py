"""Products: what they cost, what an operation makes of them, and why one is refused. Pure arithmetic.

Source: the Hosting API's account methods: add and renew cost price x quantity x months, an update costs or
refunds the difference for the time left, a remove refunds the time left.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from hosting.provider.rules import values
from hosting.provider.rules.periods import add_months, months_left
from hosting.provider.rules.validation import duration_months

ADD, RENEW, REMOVE, UPDATE = (f"hosting_account_product_{verb}" for verb in ("add", "renew", "remove", "update"))


@dataclass(frozen=True)
class Terms:
    """A product as money sees it. `unit_price` is the least paid for a unit and month, in EUR.

    `anchor_day` is the day of the month on which it was bought: see `periods`.
    """

    quantity: int
    date_end: datetime
    unit_price: Decimal
    anchor_day: int
    removed: bool = False


def _cents(amount: Fraction) -> Decimal:
    """To whole cents, in the provider's favour: charges up, refunds (negative) towards zero."""
    return Decimal(ceil(amount * 100)).scaleb(-2)


def cost(kind: str, terms: Terms, params: dict[str, Any], price: Decimal, now: datetime) -> Decimal:
    """What the operation takes from the balance, in EUR; negative for a refund.

    `price` is today's. Growth is charged at it; a refund uses the lesser of it and what was paid, so that no
    change of prices can be turned into money. Both are for the time left, by the real length of its months: growing
    later never costs less than the same time bought at once, and a refund never exceeds what was paid.
    """
    if kind in {ADD, RENEW}:
        return _cents(Fraction(price) * terms.quantity * duration_months(params["duration"]))
    change = (params["quantity"] if kind == UPDATE else 0) - terms.quantity
    per_unit = price if change > 0 else min(price, terms.unit_price)
    return _cents(change * Fraction(per_unit) * months_left(terms.date_end, now, terms.anchor_day))


def after(kind: str, terms: Terms, params: dict[str, Any], price: Decimal) -> Terms:
    """The terms once the operation is done."""
    cheapest = min(price, terms.unit_price)
    if kind == RENEW:
        end = add_months(terms.date_end, duration_months(params["duration"]), terms.anchor_day)
        return replace(terms, date_end=end, unit_price=cheapest)
    if kind == UPDATE:
        return replace(terms, quantity=params["quantity"], unit_price=cheapest)
    return replace(terms, removed=True) if kind == REMOVE else terms


def why_not(kind: str, product_name: str, terms: Terms, now: datetime, *, active: bool = True) -> list[str]:
    """Short reasons why the operation is not possible for such a product; empty when it is."""
    reasons = []
    if terms.removed:
        reasons.append("product is being removed")
    if not active:
        reasons.append("product is not active yet")
    if kind != RENEW:
        if product_name in values.FIXED_PRODUCTS:
            reasons.append("fixed shares can only be renewed")
        if terms.date_end <= now:
            reasons.append("product is in redemption: renew it first")
    return reasons
