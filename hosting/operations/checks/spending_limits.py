"""How much of its ceiling a role has spent this month, and whether a request goes above it.

Shares count as they are asked for: those of a purchase, and those that a change of quantity adds. A renewal buys the
same shares for longer, so it counts in money alone. Money counts as it was estimated when it was asked for, until its
real cost is known; what is given back makes no room, and never needs approval. What has not happened does not count
(refused, not sent, never arrived, cancelled, failed, not approved), nor does what still waits for approval: one wish
that is too large must not keep the small ones waiting. What may have happened counts, also where a person alone says
that it did not: nobody makes room by their word.
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
from hosting.operations.costs.estimates import Price
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, RemoveProduct, RenewProduct, UpdateProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import HARMLESS, State
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.policies.spending_limits import Limits

# The kinds that spend: a removal only gives back.
_SPENDING = (AddProduct.method, RenewProduct.method, UpdateProduct.method)
_NOT_SPENT = HARMLESS | {State.FAILED, State.HELD}
_SHARES = (Product.Name.SHARES, Product.Name.SHARES_FIXED)
# What a column of money holds. An estimate above it is as good as none.
_LARGEST = Decimal(10) ** 12


class Over(StrEnum):
    """Why a request needs approval: what of the ceiling does not suffice."""

    SHARES = "shares"
    MONEY = "money"
    # There is a ceiling in money, and nobody knows what the request will cost.
    PRICE = "price"


@dataclass(frozen=True)
class Demand:
    """What one request takes: shares, and money from the balance, None where no price is known."""

    shares: int
    estimate: Decimal | None
    currency: str
    # Whether it takes at all: what gives back never needs approval.
    spends: bool


@dataclass(frozen=True)
class Spent:
    """What a role has spent in a month, money by currency, and how many of its requests had no known price."""

    shares: int = 0
    money: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0


@dataclass(frozen=True)
class Standing:
    """A role's ceiling, and what of it is spent."""

    limits: Limits
    spent: Spent

    def over(self, demands: Iterable[Demand]) -> frozenset[Over]:
        """What does not suffice for these requests together; nothing when they fit."""
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


def demand_of(
    kind: Kind, product: Product | None, known: Mapping[str, Price], currency: str, now: datetime
) -> Demand | None:
    """What a request takes, `product` being the one that it changes; None for one that moves no money."""
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
    """What a request takes as things stand now. Three queries for one that moves money, none for another."""
    if not isinstance(kind, AddProduct | RenewProduct | UpdateProduct | RemoveProduct):
        return None
    number = getattr(kind, "product_id", None)
    product = Product.objects.filter(account=account, remote_id=number).first() if number is not None else None
    currency = AccountInfo.objects.filter(account=account).values_list("currency", flat=True).first()
    return demand_of(kind, product, prices.known(account), currency or "", timezone.now())


def check(demand: Demand | None, *, account: Account, role: str) -> frozenset[Over]:
    """What of the role's ceiling a request goes above; nothing when it may be sent.

    Until the transaction ends no other request is weighed against this ceiling, so that two cannot slip under it
    together. The account is locked before it, never after.
    """
    if demand is None or not demand.spends:
        return frozenset()
    limit = lock(account.team_id, role)
    return _standing(limit, timezone.now()).over([demand]) if limit else frozenset()


def lock(team_id: int, role: str) -> SpendingLimit | None:
    """Lock a role's ceiling. Who writes a line of the trail and then spends does so before the line: see `record`."""
    return SpendingLimit.objects.select_for_update(no_key=True).filter(team=team_id, role=role).first()


def standing(account: Account, role: str, now: datetime) -> Standing | None:
    """How a role stands this month, for forms and pages; None when it has no ceiling."""
    limit = SpendingLimit.objects.filter(team=account.team_id, role=role).first()
    return _standing(limit, now) if limit else None


def standings(team_id: int, now: datetime) -> dict[str, Standing]:
    """How each role of a team stands that has a ceiling, in two queries."""
    limits = list(SpendingLimit.objects.filter(team=team_id).order_by("role"))
    if not limits:
        return {}
    spent = _spent(team_id, [limit.role for limit in limits], now)
    return {each.role: Standing(Limits(each.shares, each.money), spent.get(each.role, Spent())) for each in limits}


def month_of(now: datetime) -> datetime:
    """When the month began that a ceiling counts: at midnight UTC of its first day."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _standing(limit: SpendingLimit, now: datetime) -> Standing:
    spent = _spent(limit.team_id, [limit.role], now)
    return Standing(Limits(limit.shares, limit.money), spent.get(limit.role, Spent()))


def _spent(team_id: int, roles: Iterable[str], now: datetime) -> dict[str, Spent]:
    """What these roles have spent in the month of `now`. What was approved counts from when it was."""
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
            # Of changes of quantity nobody could tell any more whether they spent.
            unpriced=Count("pk", filter=Q(amount=None, kind__in=(AddProduct.method, RenewProduct.method))),
        )
    )
    found: dict[str, Spent] = {}
    for row in rows:
        so_far = found.get(row["requested_as"], Spent())
        money = {**so_far.money, row["currency"]: row["money"] or Decimal(0)}
        found[row["requested_as"]] = Spent(so_far.shares + row["shares"], money, so_far.unpriced + row["unpriced"])
    return found
