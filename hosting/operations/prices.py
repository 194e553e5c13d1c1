"""The prices that an account's team has paid at its provider, learned from what its operations cost."""

from django.db.models import OuterRef, Subquery

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Product
from hosting.operations import estimates, rules
from hosting.operations.estimates import Price
from hosting.operations.kinds import AddProduct, RenewProduct
from hosting.operations.models import Operation
from hosting.operations.states import State

# So many purchases back, whatever is still bought has shown its price.
_NEWEST = 200


def known(account: Account) -> dict[str, Price]:
    """The price of each product that is known, in the account's currency, by the product's name. The newest counts.

    Every account of the team at the same endpoint teaches: it is one provider with one price list. One query.
    """
    bought = Operation.objects.filter(
        account__team=account.team_id,
        account__endpoint=account.endpoint_id,
        account__info__currency=Subquery(AccountInfo.objects.filter(account=account).values("currency")[:1]),
        kind__in=(AddProduct.method, RenewProduct.method),
        state=State.DONE,
        cost__isnull=False,
        quantity__isnull=False,
        finished_at__isnull=False,
    )
    # A renewal names the product by its id alone.
    renewed = Product.objects.filter(account=OuterRef("account"), remote_id=OuterRef("product_id"))
    rows = (
        bought.annotate(product_name=Subquery(renewed.values("product_name")[:1]))
        .order_by("-finished_at")
        .values_list("params", "product_name", "cost", "quantity", "account__info__currency", "finished_at")
    )
    found: dict[str, Price] = {}
    for params, name_now, cost, quantity, currency, finished_at in rows[:_NEWEST]:
        name = params.get("product_name") or name_now
        months = rules.months(params["duration"])
        price = estimates.learned(cost, quantity, months, currency=currency, bought_at=finished_at)
        if name and price:
            found.setdefault(name, price)
    return found
