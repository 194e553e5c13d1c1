"""The prepaid account and the hosting account with its products."""

from decimal import Decimal
from typing import Any

from django.utils import timezone

from hosting.provider import ledger
from hosting.provider.engine.effects import terms_of
from hosting.provider.faults import Object, bad_state, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.structs import product_struct
from hosting.provider.models import HostingAccount, Operation, Price, Product
from hosting.provider.rules import capacity, products, validation, values
from hosting.provider.rules.periods import add_months
from hosting.provider.rules.quota import SHARE_DEFINITION, resources

PRODUCT_ID = Param("product_id", "int", Object.PRODUCT)
QUANTITY = Param("quantity", "int", Object.PRODUCT)
DURATION = Param("duration", "string", Object.PRODUCT)


@method("account_currency")
def account_currency(call: Call) -> str:
    return values.CURRENCY


@method("account_balance")
def account_balance(call: Call) -> float:
    return float(ledger.balance(call.handle))


@method("hosting_account_info")
def hosting_account_info(call: Call) -> dict[str, Any]:
    account = call.account
    rows = capacity.listed(account.products.all()).order_by("pk")
    granted, expired = capacity.granted_and_expired(account)
    used = capacity.used(account)
    return {
        "id": account.pk,
        "handle": call.handle.handle,
        "fullname": call.handle.fullname,
        "share_definition": SHARE_DEFINITION,
        "products": [product_struct(row) for row in rows],
        "resources": {
            "granted": resources(granted),
            "used": resources(used),
            "available": resources(granted - used),
            "expired": resources(expired),
        },
    }


@method("sharedeck.prices")
def prices(call: Call) -> dict[str, Any]:
    """What one unit of each product costs a month: {currency, products [{product_name, unit, unit_price_month}]}.

    A purchase costs this times the quantity and the months, rounded up to whole cents.
    """
    return {
        "currency": values.CURRENCY,
        "products": [
            {
                "product_name": price.product_name,
                "unit": values.UNITS[price.product_name],
                "unit_price_month": float(price.amount),
            }
            for price in Price.objects.filter(product_name__in=values.UNITS).order_by("pk")
        ],
    }


def _price(product_name: str) -> Decimal:
    price = Price.objects.filter(product_name=product_name).first()
    if price is None:
        raise bad_state(Object.PRODUCT, "product_name", product_name, "not for sale")
    return price.amount


def _require_balance(account: HostingAccount, amount: Decimal) -> None:
    """Raises fault 530060 unless the balance, less what open operations keep of it, covers `amount` EUR."""
    left = ledger.uncommitted(account)
    if amount > 0 and amount > left:
        reason = f"balance too low: {left} {values.CURRENCY} left"
        raise bad_state(Object.HOSTING_ACCOUNT, "amount", f"{amount} {values.CURRENCY}", reason)


def _check_add(product_name: str, quantity: int, duration: str) -> None:
    validation.duration_syntax(duration)
    validation.product_name(product_name)
    validation.quantity(quantity, values.QUANTITY_MAX[product_name])
    validation.duration_months(duration)


@method(
    products.ADD,
    Param("product_name", "string", Object.PRODUCT),
    QUANTITY,
    DURATION,
    check=_check_add,
    writes=True,
)
def product_add(call: Call, product_name: str, quantity: int, duration: str) -> int:
    account = call.account
    call.may_write()
    price = _price(product_name)
    now = timezone.now()
    end = add_months(now, validation.duration_months(duration), now.day)
    params = {"product_name": product_name, "quantity": quantity, "duration": duration}
    amount = products.cost(products.ADD, products.Terms(quantity, end, price, now.day), params, price, now)
    _require_balance(account, amount)
    product = Product.objects.create(
        account=account,
        product_name=product_name,
        quantity=quantity,
        duration=duration,
        unit_price=price,
        date_created=now,
        date_end=end,
        anchor_day=now.day,
    )
    operation = call.accept(products.ADD, params, product=product, unit_price=price, reserved=amount)
    return operation.pk


def _change(call: Call, kind: str, product_id: int, params: dict[str, Any]) -> int:
    """Accept an operation on a product, checked against the result of its open operations."""
    now = timezone.now()
    product = (
        Product.objects.filter(pk=product_id, date_end__gt=now - values.REDEMPTION)
        .exclude(state=Product.State.REMOVED)
        .first()
    )
    if product is None:
        raise not_found(Object.PRODUCT, "product_id", product_id)
    call.owned(product)
    call.may_write()
    terms = terms_of(product)
    active = product.state == Product.State.ACTIVE
    for earlier in product.operations.filter(state__in=Operation.OPEN).order_by("pk"):
        terms = products.after(earlier.type, terms, earlier.params, earlier.unit_price)
    if "quantity" in params:
        validation.quantity(params["quantity"], values.QUANTITY_MAX[product.product_name])
    problems = products.why_not(kind, product.product_name, terms, now, active=active)
    if problems:
        raise bad_state(Object.PRODUCT, "product_id", product_id, problems[0])
    if kind != products.RENEW:
        lost = terms.quantity - params.get("quantity", 0)
        if product.product_name == "disk":
            capacity.require(call.account, disk_mb=lost)
        else:
            capacity.require(call.account, shares=lost, disk_mb=lost * values.SHARE_DISK_MB)
    price = _price(product.product_name)
    amount = products.cost(kind, terms, params, price, now)
    _require_balance(call.account, amount)
    params = {"product_id": product_id, **params}
    return call.accept(kind, params, product=product, unit_price=price, reserved=max(amount, Decimal(0))).pk


def _check_renew(product_id: int, duration: str) -> None:
    validation.duration_syntax(duration)
    validation.duration_months(duration)


@method(products.RENEW, PRODUCT_ID, DURATION, check=_check_renew, writes=True)
def product_renew(call: Call, product_id: int, duration: str) -> int:
    return _change(call, products.RENEW, product_id, {"duration": duration})


@method(products.REMOVE, PRODUCT_ID, writes=True)
def product_remove(call: Call, product_id: int) -> int:
    return _change(call, products.REMOVE, product_id, {})


def _check_update(product_id: int, quantity: int) -> None:
    # The maximum depends on the product, and is checked once the product is known.
    validation.quantity(quantity, max(values.QUANTITY_MAX.values()))


@method(products.UPDATE, PRODUCT_ID, QUANTITY, check=_check_update, writes=True)
def product_update(call: Call, product_id: int, quantity: int) -> int:
    return _change(call, products.UPDATE, product_id, {"quantity": quantity})
