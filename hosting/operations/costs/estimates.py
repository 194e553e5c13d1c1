"""Estimate what a change of a product will cost or refund, from the prices of earlier purchases. Pure.

Source: the API's account methods. Add and renew cost price x quantity x months; an update costs or refunds the
difference for the time left; a removal refunds the time left, at no more than was paid. Time left is counted in the
product's own months (docs/provider-api.md, "Dates and money").
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil
from operator import itemgetter

from hosting.inventory.periods import months_left


@dataclass(frozen=True)
class Price:
    """What a share, or a MB of disk quota, costs per month: when it was last bought or renewed, or by the provider's
    price list (`bought_at` None). Exact.
    """

    unit: Fraction
    currency: str
    bought_at: datetime | None = None


@dataclass(frozen=True)
class Estimate:
    """What a change takes from the balance; negative for a refund."""

    amount: Decimal
    price: Price

    @property
    def back(self) -> Decimal:
        """The refund; zero when there is none."""
        return max(-self.amount, Decimal(0))

    def exceeds(self, balance: Decimal) -> bool:
        """Whether it costs more than the balance."""
        return self.amount > 0 and self.amount > balance


def learned(cost: Decimal, quantity: int, months: int, *, currency: str, bought_at: datetime) -> Price | None:
    """The price that a purchase or renewal reveals; None when it reveals none."""
    if cost <= 0 or quantity <= 0 or months <= 0:
        return None
    return Price(Fraction(cost) / quantity / months, currency, bought_at)


def paid(price: Price, quantity: int, months: int) -> Estimate:
    """The estimate for a purchase or a renewal."""
    return Estimate(_rounded(price.unit * quantity * months), price)


def changed(
    price: Price,
    quantity: int,
    wanted: int,
    ends: datetime,
    now: datetime,
    *,
    anchor_day: int,
    least_paid: Fraction | None = None,
) -> Estimate:
    """The estimate for a change from `quantity` to `wanted`, or a release (`wanted` 0), for the time left.

    `least_paid`: the least that a unit and month of the product is known to have cost; a refund is not higher.
    """
    unit = price.unit if wanted > quantity or least_paid is None else min(price.unit, least_paid)
    return Estimate(_rounded(unit * (wanted - quantity) * months_left(ends, now, anchor_day)), price)


def together(estimates: Iterable[Estimate]) -> Estimate | None:
    """The sum of several estimates, dated by the oldest purchase; None for no estimate or several currencies."""
    found = list(estimates)
    if not found or len({each.price.currency for each in found}) > 1:
        return None
    bought = [(each.price.bought_at, each.price) for each in found if each.price.bought_at]
    oldest = min(bought, key=itemgetter(0))[1] if bought else found[0].price
    return Estimate(sum((each.amount for each in found), Decimal(0)), oldest)


def _rounded(amount: Fraction) -> Decimal:
    """Round to whole cents: payments up, refunds (negative) towards zero."""
    return Decimal(ceil(amount * 100)).scaleb(-2)
