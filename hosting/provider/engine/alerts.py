"""Tell staff of what the engine cannot settle by itself: a row in the admin and a line in the log, once."""

import logging
from collections.abc import Collection

from django.utils import timezone

from hosting.provider.models import Alert, Host, Vm

log = logging.getLogger(__name__)

Kind = Alert.Kind


def tell(kind: Alert.Kind, about: object, text: str, *, host: Host | None = None, vm: Vm | None = None) -> None:
    """Raise an alert, unless staff know of it already."""
    _, is_new = Alert.objects.get_or_create(
        kind=kind,
        about=str(about),
        date_ended=None,
        defaults={"text": text, "host": host, "vm": vm, "date_raised": timezone.now()},
    )
    if is_new:
        log.error("alert: %s: %s", kind, text)


def end(kind: Alert.Kind, about: Collection[str]) -> None:
    """End alerts that have settled themselves."""
    if about and Alert.objects.filter(kind=kind, about__in=about, date_ended=None).update(date_ended=timezone.now()):
        log.warning("alert ended: %s: %s", kind, ", ".join(sorted(about)))
