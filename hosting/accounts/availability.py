"""Whether an endpoint answers. Members see since when it does not; background calls then probe it, one at a time."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account, Endpoint

_FIRST_PROBE_S = 2
_LONGEST_PAUSE_S = 60


def note_away(endpoint_id: int) -> None:
    """A call was not answered, or could not be sent."""
    now = timezone.now()
    with transaction.atomic():
        newly = Endpoint.objects.filter(pk=endpoint_id, away_since=None).update(
            away_since=now, probe_due_at=now + timedelta(seconds=_FIRST_PROBE_S)
        )
        if newly:
            _tell_pages(endpoint_id)


def note_answer(endpoint_id: int) -> None:
    """A call was answered, whatever the answer."""
    with transaction.atomic():
        back = Endpoint.objects.filter(pk=endpoint_id, away_since__isnull=False).update(
            away_since=None, probe_due_at=None
        )
        if back:
            _tell_pages(endpoint_id)


def claim_probe(endpoint: Endpoint, now: datetime) -> bool:
    """Whether a call to an endpoint that is away makes sense now. True claims the one probe that is due.

    The pause between probes grows with the time the endpoint has been away, up to a minute.
    """
    if endpoint.away_since is None:
        return False
    due = Q(probe_due_at=None) | Q(probe_due_at__lte=now)
    still_away = Endpoint.objects.filter(due, pk=endpoint.pk, away_since=endpoint.away_since)
    return bool(still_away.update(probe_due_at=_next_probe(endpoint.away_since, now)))


def _next_probe(away_since: datetime, now: datetime) -> datetime:
    away_s = (now - away_since).total_seconds()
    return now + timedelta(seconds=min(_LONGEST_PAUSE_S, max(_FIRST_PROBE_S, away_s / 4)))


def _tell_pages(endpoint_id: int) -> None:
    for account_id in Account.objects.filter(endpoint=endpoint_id).values_list("pk", flat=True):
        versions.bump(account_id)
