"""The prices of products, by the provider's price list, or else by what the operations of a team have cost there."""

from datetime import datetime
from fractions import Fraction

from django.db.models import OuterRef, Subquery

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Product
from hosting.inventory.periods import anchor_day_of
from hosting.operations.costs import estimates
from hosting.operations.costs.estimates import Estimate, Price
from hosting.operations.kinds import rules
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, RemoveProduct, RenewProduct, UpdateProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership

# The number of latest purchases that are read: enough to hold every product that is still bought.
_NEWEST = 200


class Prices(dict[str, Price]):
    """The latest known price of each product, by its name.

    `least_paid`: the least that a unit and month of each product of the account is known to have cost, by its id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.least_paid: dict[int, Fraction] = {}


def known(account: Account, *, seen_by: Membership | None = None) -> Prices:
    """The price of each product, in the account's currency. Two queries.

    Where the provider has no price list, prices come from purchases of all accounts of the team at the same endpoint.
    For a member with limited access (`seen_by`), they come only from the accounts that the member may see.
    """
    bought = Operation.objects.filter(
        account__team=account.team_id,
        account__endpoint=account.endpoint_id,
        account__info__currency=Subquery(AccountInfo.objects.filter(account=account).values("currency")[:1]),
        kind__in=(AddProduct.method, RenewProduct.method),
        state=State.DONE,
        cost__isnull=False,
    )
    if seen_by is not None and seen_by.narrowed:
        bought = bought.filter(account__in=Account.objects.visible_to(seen_by))
    # A renewal holds the product's id but not its name.
    renewed = Product.objects.filter(account=OuterRef("account"), remote_id=OuterRef("product_id"))
    rows = (
        bought.annotate(product_name=Subquery(renewed.values("product_name")[:1]))
        .order_by("-finished_at")
        .values_list(
            "params",
            "product_name",
            "cost",
            "quantity",
            "account__info__currency",
            "finished_at",
            "account_id",
            "product_id",
        )
    )
    found = Prices()
    for params, name_now, cost, quantity, currency, finished_at, account_id, product_id in rows[:_NEWEST]:
        name = params.get("product_name") or name_now
        if not name or cost is None or quantity is None or finished_at is None:
            continue
        months = rules.months(params["duration"])
        if price := estimates.learned(cost, quantity, months, currency=currency, bought_at=finished_at):
            found.setdefault(name, price)
            if account_id == account.pk and product_id is not None:
                found.least_paid[product_id] = min(price.unit, found.least_paid.get(product_id, price.unit))
    found.update(_listed(account))
    return found


def _listed(account: Account) -> dict[str, Price]:
    """The provider's price list; empty where it has none."""
    info = AccountInfo.objects.filter(account=account).only("prices", "currency").first()
    return {name: Price(Fraction(unit), info.currency) for name, unit in info.prices.items()} if info else {}


def estimate(kind: Kind, product: Product | None, prices: Prices, now: datetime) -> Estimate | None:
    """What an operation will cost; None when no price is known. `product` is the one that it changes, if any."""
    name = kind.product_name if isinstance(kind, AddProduct) else product.product_name if product else ""
    price = prices.get(name)
    if price is None:
        return None
    match kind:
        case AddProduct():
            return estimates.paid(price, kind.quantity, rules.months(kind.duration))
        case RenewProduct() if product:
            return estimates.paid(price, product.quantity, rules.months(kind.duration))
        case UpdateProduct() if product and product.date_end:
            return _changed(price, product, kind.quantity, product.date_end, prices, now)
        case RemoveProduct() if product and product.date_end:
            return _changed(price, product, 0, product.date_end, prices, now)
    return None


def _changed(price: Price, product: Product, wanted: int, ends: datetime, prices: Prices, now: datetime) -> Estimate:
    return estimates.changed(
        price,
        product.quantity,
        wanted,
        ends,
        now,
        anchor_day=anchor_day_of(product.date_created, ends),
        least_paid=prices.least_paid.get(product.remote_id),
    )
