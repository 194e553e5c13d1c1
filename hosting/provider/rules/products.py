"""Products: what they cost, what an operation makes of them, and why one is refused. Pure arithmetic.

Source: the Hosting API's account methods: add and renew cost price x quantity x months, an update costs or
refunds the difference for the time left, a remove refunds the time left.
"""

import calendar
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

from hosting.provider.rules import values
from hosting.provider.rules.validation import duration_months

ADD, RENEW, REMOVE, UPDATE = (f"hosting_account_product_{verb}" for verb in ("add", "renew", "remove", "update"))


@dataclass(frozen=True)
class Terms:
    """A product as money sees it. `unit_price` is the least paid for a unit and month, in EUR."""

    quantity: int
    date_end: datetime
    unit_price: Decimal
    removed: bool = False


def round_charge(amount: Decimal) -> Decimal:
    """To whole cents, in the provider's favour: charges up, refunds (negative) towards zero."""
    return amount.quantize(Decimal("0.01"), ROUND_UP if amount > 0 else ROUND_DOWN)


def add_months(when: datetime, months: int) -> datetime:
    """The same day `months` later, or the last day of a month that is too short for it."""
    years, month = divmod(when.month - 1 + months, 12)
    year = when.year + years
    return when.replace(year=year, month=month + 1, day=min(when.day, calendar.monthrange(year, month + 1)[1]))


def months_left(terms: Terms, now: datetime) -> Decimal:
    """The time left in months of `rules.PRO_RATA_MONTH`; zero for a product that has ended."""
    seconds = max(0.0, (terms.date_end - now).total_seconds())
    return Decimal(str(seconds)) / Decimal(str(values.PRO_RATA_MONTH.total_seconds()))


def cost(kind: str, terms: Terms, params: dict[str, Any], price: Decimal, now: datetime) -> Decimal:
    """What the operation takes from the balance, in EUR; negative for a refund.

    `price` is today's. Growth is charged at it; a refund uses the lesser of it and what was paid, so that no
    change of prices can be turned into money.
    """
    if kind in {ADD, RENEW}:
        return round_charge(price * terms.quantity * duration_months(params["duration"]))
    change = (params["quantity"] if kind == UPDATE else 0) - terms.quantity
    per_unit = price if change > 0 else min(price, terms.unit_price)
    return round_charge(change * per_unit * months_left(terms, now))


def after(kind: str, terms: Terms, params: dict[str, Any], price: Decimal) -> Terms:
    """The terms once the operation is done."""
    cheapest = min(price, terms.unit_price)
    if kind == RENEW:
        end = add_months(terms.date_end, duration_months(params["duration"]))
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
