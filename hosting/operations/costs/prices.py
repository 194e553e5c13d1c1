"""The prices of products, by the provider's price list, or else by what the operations of a team have cost there."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import OuterRef, Subquery

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Product
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


def known(account: Account, *, seen_by: Membership | None = None) -> dict[str, Price]:
    """The price of each product, by its name, in the account's currency. Two queries at most.

    Where the provider has no price list, prices come from purchases of all accounts of the team at the same endpoint.
    For a member with limited access (`seen_by`), they come only from the accounts that the member may see.
    """
    info = AccountInfo.objects.filter(account=account).first()
    if info and info.prices:
        return {name: Price(Decimal(unit), info.currency) for name, unit in info.prices.items()}
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
        .values_list("params", "product_name", "cost", "quantity", "account__info__currency", "finished_at")
    )
    found: dict[str, Price] = {}
    for params, name_now, cost, quantity, currency, finished_at in rows[:_NEWEST]:
        name = params.get("product_name") or name_now
        if not name or cost is None or quantity is None or finished_at is None:
            continue
        months = rules.months(params["duration"])
        if price := estimates.learned(cost, quantity, months, currency=currency, bought_at=finished_at):
            found.setdefault(name, price)
    return found


def estimate(kind: Kind, product: Product | None, prices: Mapping[str, Price], now: datetime) -> Estimate | None:
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
            return estimates.changed(price, product.quantity, kind.quantity, product.date_end, now)
        case RemoveProduct() if product and product.date_end:
            return estimates.changed(price, product.quantity, 0, product.date_end, now)
    return None
