"""Tell clients that a product has ended, or that its redemption is over: no call and no operation changes that."""

from django.db import transaction
from django.utils import timezone

from hosting.provider import news
from hosting.provider.models import ChangedObject, Product
from hosting.provider.rules import values

_Phase = Product.Phase


def note_ended() -> None:
    """Note each product whose time has passed since the last look, once, whatever worker finds it."""
    now = timezone.now()
    active = Product.objects.filter(state=Product.State.ACTIVE)
    over = active.filter(date_end__lte=now - values.REDEMPTION).exclude(phase=_Phase.OVER)
    for product in over:
        _note(product, _Phase.OVER)
    for product in active.filter(phase=_Phase.RUNNING, date_end__lte=now, date_end__gt=now - values.REDEMPTION):
        _note(product, _Phase.REDEMPTION)
    # These were renewed, which their operations have told.
    active.filter(date_end__gt=now).exclude(phase=_Phase.RUNNING).update(phase=_Phase.RUNNING)


def _note(product: Product, phase: Product.Phase) -> None:
    with transaction.atomic():
        news.lock(product.account_id)
        if Product.objects.filter(pk=product.pk, phase=product.phase, date_end=product.date_end).update(phase=phase):
            news.note(
                product.account_id,
                [(ChangedObject.Type.PRODUCT, product.pk), (ChangedObject.Type.ACCOUNT, product.account_id)],
            )
