"""Whether the balance covers the products that renew themselves, so that nobody has to look after those that do.

The provider renews such a product for the same duration before it ends, when the balance covers it, and not otherwise
("Automatic renewal" in docs/provider-api.md).
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from hosting.accounts.models import Account
from hosting.inventory.models import Product
from hosting.operations.costs import prices
from hosting.operations.kinds.catalogue import RenewProduct
from hosting.operations.models.rejection import Invalid
from hosting.teams.models import Membership


class Cover(StrEnum):
    """Whether today's balance covers a renewal. UNKNOWN: no price is known."""

    COVERED = "covered"
    TOO_LOW = "too_low"
    UNKNOWN = "unknown"


def outlook(account: Account, now: datetime, *, seen_by: Membership | None = None) -> dict[int, Cover]:
    """Whether the balance covers the renewal of each product that renews itself, by the product's id.

    They are paid in the order of their ends: what the earlier ones take is gone for the later ones. Two queries; one
    when no product renews itself.
    """
    renewing = list(Product.objects.filter(account=account, autorenew=True).order_by("date_end", "remote_id"))
    info = getattr(account, "info", None)
    if not renewing or info is None:
        return {}
    known, left = prices.known(account, seen_by=seen_by), info.balance
    found = {}
    for product in renewing:
        cost = _cost(product, known, now)
        if cost is None:
            # Without money nothing is renewed, whatever it costs.
            found[product.remote_id] = Cover.UNKNOWN if left > 0 else Cover.TOO_LOW
        elif cost > left:
            found[product.remote_id] = Cover.TOO_LOW
        else:
            found[product.remote_id] = Cover.COVERED
            left -= cost
    return found


def _cost(product: Product, known: prices.Prices, now: datetime) -> Decimal | None:
    kind = RenewProduct(product.remote_id, product.duration)
    try:
        kind.validate()
    except Invalid:
        # A duration that the API does not name.
        return None
    estimate = prices.estimate(kind, product, known, now)
    return estimate.amount if estimate else None
