"""Automatic renewals: a product that staff marked so is renewed before it ends, when the balance covers it.

A product that could not be renewed in time is tried until its redemption is over. While the account is locked, no other
worker can find the same product due: a renewal is accepted exactly once.
"""

import logging
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hosting.provider import ledger
from hosting.provider.engine import effects
from hosting.provider.engine.accept import accept
from hosting.provider.models import HostingAccount, Operation, Price, Product
from hosting.provider.rules import products, values

log = logging.getLogger(__name__)


def renew_due() -> None:
    """Accept a renewal of every product that is due for one, each in a transaction of its own."""
    now = timezone.now()
    for product in _due(now).select_related("account__handle"):
        try:
            # Looked at without a lock first: a balance that stays too low must not keep calls waiting twice a second.
            if problem := _problem(product, _cost(product, now)):
                _tell_staff_once(product, problem)
            else:
                _renew(product, now)
        except Exception:
            log.exception("product %s could not be renewed; trying again", product.pk)


def coming(account: HostingAccount, now: datetime) -> list[Product]:
    """Products of an account whose renewal the next look will accept."""
    return [product for product in _due(now).filter(account=account) if not _problem(product, _cost(product, now))]


def _due(now: datetime) -> QuerySet[Product]:
    """Products that renew themselves and end soon, or have ended, and of which no change is under way.

    A renewal that failed or was cancelled a moment ago is not begun again at once.
    """
    lately = Q(date_created__gt=now - values.RETRY_AFTER, type=products.RENEW)
    changing = Operation.objects.filter(Q(state__in=Operation.OPEN) | lately, product__isnull=False)
    return Product.objects.filter(
        autorenew=True,
        state=Product.State.ACTIVE,
        date_end__gt=now - values.REDEMPTION,
        date_end__lte=now + values.AUTORENEW_BEFORE,
    ).exclude(pk__in=changing.values("product_id"))


def _cost(product: Product, now: datetime) -> tuple[Decimal, Decimal] | None:
    """Today's price, and what the renewal costs; None when the product is not for sale any more."""
    price = Price.objects.filter(product_name=product.product_name).values_list("amount", flat=True).first()
    if price is None:
        return None
    terms = effects.terms_of(product)
    return price, products.cost(products.RENEW, terms, {"duration": product.duration}, price, now)


def _problem(product: Product, cost: tuple[Decimal, Decimal] | None) -> str:
    """Why the product cannot be renewed now, or the empty string."""
    if cost is None:
        return "it is not for sale any more"
    left = ledger.uncommitted(product.account)
    if cost[1] > left:
        return f"it costs {cost[1]} {values.CURRENCY}, and the balance is {left} {values.CURRENCY}"
    return ""


def _renew(found: Product, now: datetime) -> None:
    with transaction.atomic():
        account = HostingAccount.objects.select_for_update().get(pk=found.account_id)
        product = _due(now).filter(pk=found.pk).first()
        cost = _cost(product, now) if product else None
        if product is None or cost is None or _problem(product, cost):
            return  # somebody was quicker; what is left to do, the next look finds
        price, amount = cost
        params = {"product_id": product.pk, "duration": product.duration, "reason": values.AUTORENEW}
        operation = accept(account, products.RENEW, params, product=product, unit_price=price, reserved=amount)
    log.info("product %s renews itself: operation %s", product.pk, operation.pk)


def _tell_staff_once(product: Product, problem: str) -> None:
    """Log why a product is not renewed, once for each of its ends, whatever worker finds it."""
    untold = Product.objects.filter(pk=product.pk).exclude(autorenew_refused_for=product.date_end)
    if untold.update(autorenew_refused_for=product.date_end):
        log.warning("product %s of %s does not renew itself: %s", product.pk, product.account.handle, problem)
