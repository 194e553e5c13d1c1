"""What a change of a product will cost or give back, reckoned from what the same was bought for before. Pure.

Source: the API's account methods: add and renew cost price x quantity x months, an update costs or refunds the
difference for the time left, a removal refunds the time left. What a month of time left is, it does not say: the
longest month is taken, so that no refund is promised too high.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, ROUND_UP, Decimal

_CENT = Decimal("0.01")
_MONTH = timedelta(days=31)


@dataclass(frozen=True)
class Price:
    """What a share, or a MB of disk quota, cost for a month when it was bought or renewed last."""

    unit: Decimal
    currency: str
    bought_at: datetime


@dataclass(frozen=True)
class Estimate:
    """What a change takes from the balance; negative when money is given back."""

    amount: Decimal
    price: Price

    @property
    def back(self) -> Decimal:
        """What is given back; zero when nothing is."""
        return max(-self.amount, Decimal(0))

    def exceeds(self, balance: Decimal) -> bool:
        """Whether the balance does not suffice."""
        return self.amount > 0 and self.amount > balance


def learned(cost: Decimal, quantity: int, months: int, *, currency: str, bought_at: datetime) -> Price | None:
    """The price that a purchase or a renewal of `quantity` for so many months shows."""
    if cost <= 0 or quantity <= 0 or months <= 0:
        return None
    return Price(cost / quantity / months, currency, bought_at)


def paid(price: Price, quantity: int, months: int) -> Estimate:
    """Of a purchase or a renewal."""
    return Estimate(_rounded(price.unit * quantity * months), price)


def changed(price: Price, quantity: int, wanted: int, ends: datetime, now: datetime) -> Estimate:
    """Of a change from `quantity` to `wanted`, or of a release (`wanted` 0), for the time that is left."""
    left = Decimal(max(0.0, (ends - now).total_seconds())) / Decimal(_MONTH.total_seconds())
    return Estimate(_rounded(price.unit * (wanted - quantity) * left), price)


def together(estimates: Iterable[Estimate]) -> Estimate | None:
    """The sum of several, from the oldest of their prices; None for none, or for several currencies."""
    found = list(estimates)
    if not found or len({each.price.currency for each in found}) > 1:
        return None
    oldest = min((each.price for each in found), key=lambda price: price.bought_at)
    return Estimate(sum((each.amount for each in found), Decimal(0)), oldest)


def _rounded(amount: Decimal) -> Decimal:
    """To whole cents: what is paid up, what is given back down. A price that was divided has a last digit too many."""
    return round(amount, 6).quantize(_CENT, ROUND_UP if amount > 0 else ROUND_DOWN)
