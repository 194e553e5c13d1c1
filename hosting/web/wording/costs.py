"""Quotes: what operations will cost, shown in forms before they are submitted."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import Product
from hosting.operations.checks import spending_limits
from hosting.operations.checks.spending_limits import Over
from hosting.operations.costs import estimates, prices
from hosting.operations.costs.estimates import Estimate, Price
from hosting.operations.costs.prices import Prices
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, RenewProduct
from hosting.operations.lifecycle import approvals
from hosting.operations.models.rejection import Invalid
from hosting.teams.models import Membership, User

# An operation (None while the form is not valid), and the product that it changes (None for a purchase).
Request = tuple[Kind | None, Product | None]


@dataclass(frozen=True)
class Quote:
    """What operations will cost together, as far as that is known."""

    estimate: Estimate | None
    # The number of operations without a known price; all of them when there is no estimate.
    unknown: int
    asked: int
    # The price and name of the product, when the quote is about one product only.
    price: Price | None
    product_name: str
    prices: Mapping[str, Price]
    balance: Decimal | None
    currency: str
    # The parts of the member's spending limit that are exceeded, and who could approve it then.
    over: frozenset[Over]
    approvers: Sequence[User]

    @property
    def exceeds(self) -> bool:
        """Whether the known costs alone exceed the balance."""
        return self.estimate is not None and self.balance is not None and self.estimate.exceeds(self.balance)


def quote(account: Account, requests: Sequence[Request], *, by: Membership) -> Quote:
    """What these operations will cost, and whether they exceed the spending limit of the member's role.

    Makes no call: the provider has no price list. Two queries; three with a spending limit, four above it.
    """
    known, now = prices.known(account, seen_by=by), timezone.now()
    found = [prices.estimate(kind, product, known, now) for kind, product in requests if kind is not None]
    names = {name for kind, product in requests if (name := _name(kind, product))}
    name = names.pop() if len(names) == 1 else ""
    info = getattr(account, "info", None)
    over = _over(account, requests, known, info.currency if info else "", by)
    return Quote(
        estimate=estimates.together(each for each in found if each is not None),
        unknown=found.count(None),
        asked=len(found),
        price=known.get(name),
        product_name=name,
        prices=known,
        balance=info.balance if info else None,
        currency=info.currency if info else "",
        over=over,
        approvers=approvals.approvers(account, besides=by.user_id) if over else (),
    )


def _over(
    account: Account, requests: Sequence[Request], known: Prices, currency: str, by: Membership
) -> frozenset[Over]:
    now = timezone.now()
    demands = [spending_limits.demand_of(kind, product, known, currency, now) for kind, product in requests if kind]
    spending = [demand for demand in demands if demand is not None and demand.spends]
    standing = spending_limits.standing(account, by.role, now) if spending else None
    return standing.over(spending) if standing else frozenset()


def renewals(products: Iterable[Product], duration: str) -> list[Request]:
    """Renewals of these products for `duration`, as (operation, product); the operation is None if it is invalid."""
    wanted: list[Request] = []
    for product in products:
        kind = RenewProduct(product.remote_id, duration)
        try:
            kind.validate()
        except Invalid:
            return [(None, product) for product in products]
        wanted.append((kind, product))
    return wanted


def _name(kind: Kind | None, product: Product | None) -> str:
    if product is not None:
        return product.product_name
    return kind.product_name if isinstance(kind, AddProduct) else ""
