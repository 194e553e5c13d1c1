"""Spending limits as bars with words: what a role has spent this month, and what an operation would add."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from hosting.operations.checks.spending_limits import Standing
from hosting.operations.models.operation import Operation
from hosting.web.wording.formats import money, plain


@dataclass(frozen=True)
class LimitBar:
    """One bar: `used` of `limit`, and what an operation adds (`asked`), which may exceed the limit."""

    used: float
    asked: float
    limit: float
    words: str

    @property
    def whole(self) -> float:
        """The value at the full length of the bar."""
        return max(self.limit, self.used + self.asked)


def of_role(standing: Standing) -> list[LimitBar]:
    """The bars of what a role has spent this month: shares, and money in each currency."""
    return [*_shares(standing, 0), *(bar for currency in _currencies(standing) for bar in _money(standing, currency))]


def of_request(operation: Operation, standing: Standing | None) -> list[LimitBar]:
    """The bars of what an operation would add to the spending of its role this month."""
    if standing is None:
        return []
    shares = _shares(standing, operation.requested_shares) if operation.requested_shares else ()
    return [*shares, *_money(standing, operation.currency, operation.estimate or Decimal(0))]


def _currencies(standing: Standing) -> list[str]:
    """The currencies in which something was spent; an empty one when there are none."""
    return sorted(standing.spent.money) or [""]


def _shares(standing: Standing, asked: int) -> Iterator[LimitBar]:
    limit, used = standing.limits.shares, standing.spent.shares
    if limit is None:
        return
    values = {"used": plain(used), "limit": plain(limit), "asked": plain(asked)}
    words = (
        _("Shares: %(used)s of %(limit)s used this month, %(asked)s more with this operation")
        if asked
        else _("Shares: %(used)s of %(limit)s used this month")
    )
    yield LimitBar(used, asked, limit, words % values)


def _money(standing: Standing, currency: str, asked: Decimal = Decimal(0)) -> Iterator[LimitBar]:
    limit, used = standing.limits.money, standing.spent.money.get(currency, Decimal(0))
    if limit is None:
        return
    values = {
        "used": money(used, currency).strip(),
        "limit": money(limit, currency).strip(),
        "asked": money(asked, currency).strip(),
    }
    words = (
        _("Money: %(used)s of %(limit)s spent this month, about %(asked)s more with this operation")
        if asked
        else _("Money: %(used)s of %(limit)s spent this month")
    )
    yield LimitBar(float(used), float(asked), float(limit), words % values)
