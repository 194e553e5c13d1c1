"""Check purchases and other spending against the spending limit of the requester's role (`check`).

Rules of what counts in a month:
- Shares count when they are requested: those of a purchase, and those that a change of quantity adds. A renewal buys
  the same shares for longer, so only its money counts.
- Money counts as estimated when it was requested, until the real cost is known. Refunds do not raise what is left,
  and never need approval.
- Operations that did not happen do not count (refused, not sent, not seen at the provider, cancelled, failed, not
  approved). Neither do those that wait for approval: one large request must not block the small ones.
- Operations that may have happened count, even when only a person says that they did not: otherwise people could
  lower what they have spent by saying so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Product
from hosting.operations.costs import prices
from hosting.operations.costs.prices import Prices
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, RemoveProduct, RenewProduct, UpdateProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import HARMLESS, State
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.policies.spending_limits import Limits

# The kinds that spend. A release only gives money back.
_SPENDING = (AddProduct.method, RenewProduct.method, UpdateProduct.method)
_NOT_SPENT = HARMLESS | {State.FAILED, State.HELD}
_SHARES = (Product.Name.SHARES, Product.Name.SHARES_FIXED)
# The largest amount that a database column holds. A higher estimate counts as unknown.
_LARGEST = Decimal(10) ** 12


class Over(StrEnum):
    """Why an operation needs approval: the part of the spending limit that it exceeds."""

    SHARES = "shares"
    MONEY = "money"
    # The limit has an amount of money, and the price of the operation is unknown.
    PRICE = "price"


@dataclass(frozen=True)
class Demand:
    """What one operation would spend: shares, and money from the balance (None when no price is known)."""

    shares: int
    estimate: Decimal | None
    currency: str
    # False when it only gives something back: that never needs approval.
    spends: bool


@dataclass(frozen=True)
class Spent:
    """What a role has spent in a month: shares, money by currency, and the number of operations without a price."""

    shares: int = 0
    money: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0


@dataclass(frozen=True)
class Standing:
    """The spending limit of a role, and how much of it is spent."""

    limits: Limits
    spent: Spent

    def over(self, demands: Iterable[Demand]) -> frozenset[Over]:
        """The parts of the limit that these operations exceed together; empty when they fit."""
        spending = [demand for demand in demands if demand.spends]
        found = set()
        shares = sum(demand.shares for demand in spending)
        if self.limits.shares is not None and shares and self.spent.shares + shares > self.limits.shares:
            found.add(Over.SHARES)
        if self.limits.money is not None:
            if any(demand.estimate is None for demand in spending):
                found.add(Over.PRICE)
            if any(self._is_too_much(currency, spending) for currency in {demand.currency for demand in spending}):
                found.add(Over.MONEY)
        return frozenset(found)

    def _is_too_much(self, currency: str, spending: Iterable[Demand]) -> bool:
        asked = sum((demand.estimate or 0 for demand in spending if demand.currency == currency), Decimal(0))
        spent = self.spent.money.get(currency, Decimal(0))
        return self.limits.money is not None and asked > 0 and spent + asked > self.limits.money


def demand_of(kind: Kind, product: Product | None, known: Prices, currency: str, now: datetime) -> Demand | None:
    """What an operation would spend; None when it moves no money. `product` is the one that it changes, if any."""
    found = prices.estimate(kind, product, known, now)
    estimate = found.amount if found is not None and abs(found.amount) < _LARGEST else None
    match kind:
        case AddProduct():
            shares = kind.quantity if kind.product_name in _SHARES else 0
            return Demand(shares, estimate, currency, spends=True)
        case RenewProduct():
            return Demand(0, estimate, currency, spends=True)
        case UpdateProduct():
            more = max(0, kind.quantity - product.quantity) if product else 0
            is_shares = product is not None and product.product_name in _SHARES
            return Demand(more if is_shares else 0, estimate, currency, spends=more > 0)
        case RemoveProduct():
            return Demand(0, estimate, currency, spends=False)
    return None


def current_demand(kind: Kind, account: Account) -> Demand | None:
    """What an operation would spend now. Three queries when it moves money, otherwise none."""
    if not isinstance(kind, AddProduct | RenewProduct | UpdateProduct | RemoveProduct):
        return None
    number = getattr(kind, "product_id", None)
    product = Product.objects.filter(account=account, remote_id=number).first() if number is not None else None
    currency = AccountInfo.objects.filter(account=account).values_list("currency", flat=True).first()
    return demand_of(kind, product, prices.known(account), currency or "", timezone.now())


def check(demand: Demand | None, *, account: Account, role: str) -> frozenset[Over]:
    """The parts of the role's spending limit that an operation exceeds; empty when it may be sent.

    The limit stays locked until the transaction ends, so that two operations at once cannot exceed it together.
    Lock the account before this, never after.
    """
    if demand is None or not demand.spends:
        return frozenset()
    limit = lock(account.team_id, role)
    return _standing(limit, timezone.now()).over([demand]) if limit else frozenset()


def lock(team_id: int, role: str) -> SpendingLimit | None:
    """Lock a role's spending limit. Call it before writing to the audit log in the same transaction: see `record`."""
    return SpendingLimit.objects.select_for_update(no_key=True).filter(team=team_id, role=role).first()


def standing(account: Account, role: str, now: datetime) -> Standing | None:
    """A role's limit and spending this month, for forms and pages; None when it has no limit."""
    limit = SpendingLimit.objects.filter(team=account.team_id, role=role).first()
    return _standing(limit, now) if limit else None


def standings(team_id: int, now: datetime) -> dict[str, Standing]:
    """The limit and spending this month of each role of a team that has a limit, in two queries."""
    limits = list(SpendingLimit.objects.filter(team=team_id).order_by("role"))
    if not limits:
        return {}
    spent = _spent(team_id, [limit.role for limit in limits], now)
    return {each.role: Standing(Limits(each.shares, each.money), spent.get(each.role, Spent())) for each in limits}


def month_of(now: datetime) -> datetime:
    """The start of the month that a limit counts: midnight UTC of its first day."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _standing(limit: SpendingLimit, now: datetime) -> Standing:
    spent = _spent(limit.team_id, [limit.role], now)
    return Standing(Limits(limit.shares, limit.money), spent.get(limit.role, Spent()))


def _spent(team_id: int, roles: Iterable[str], now: datetime) -> dict[str, Spent]:
    """What these roles have spent in the month of `now`. Approved operations count in the month of their approval."""
    month = month_of(now)
    rows = (
        Operation.objects.filter(
            account__team=team_id,
            requested_as__in=list(roles),
            kind__in=_SPENDING,
            created_at__gte=month - timedelta(hours=settings.APPROVAL_LIMIT_H),
        )
        .filter(~Q(state__in=sorted(_NOT_SPENT)) | Q(state=State.RELEASED, problem__reason=Reason.RULED_OUT))
        .annotate(allowed_at=Coalesce("decided_at", "created_at"), amount=Coalesce("cost", "estimate"))
        .filter(allowed_at__gte=month)
        .order_by()
        .values("requested_as", "currency")
        .annotate(
            shares=Sum("requested_shares"),
            money=Sum("amount", filter=Q(amount__gt=0)),
            # Changes of quantity are left out: without a price nothing says whether they spent.
            unpriced=Count("pk", filter=Q(amount=None, kind__in=(AddProduct.method, RenewProduct.method))),
        )
    )
    found: dict[str, Spent] = {}
    for row in rows:
        so_far = found.get(row["requested_as"], Spent())
        money = {**so_far.money, row["currency"]: row["money"] or Decimal(0)}
        found[row["requested_as"]] = Spent(so_far.shares + row["shares"], money, so_far.unpriced + row["unpriced"])
    return found
