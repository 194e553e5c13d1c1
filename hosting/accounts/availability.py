"""Whether an endpoint answers: a circuit breaker for each endpoint.

It opens after three unanswered calls in a row, so a single dropped connection does not count. While it is open, pages
show since when the endpoint is away, nothing is sent, and one call at a time probes it at growing intervals. Any answer
closes it.

Decision: docs/decisions/0007-circuit-breaker.md
"""

import random
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.store import connection

# Unanswered calls in a row, of all workers together, before the endpoint counts as away.
_PATIENCE = 3
# Unanswered calls further apart than this are not "in a row".
_FORGET_AFTER_S = 300
_FIRST_PAUSE_S = 2
_LONGEST_PAUSE_S = 60


def record_no_answer(endpoint_id: int) -> None:
    """Note that a call was not answered or could not be sent, and open the breaker after the third in a row."""
    now = timezone.now()
    count, first = _count(endpoint_id, now)
    known = Endpoint.objects.values_list("away_since", flat=True).get(pk=endpoint_id)
    if known is None and count < _PATIENCE:
        return
    since = known or first
    with transaction.atomic():
        newly = Endpoint.objects.filter(pk=endpoint_id, away_since=None).update(away_since=since)
        Endpoint.objects.filter(pk=endpoint_id).update(probe_due_at=_next_probe(since, now))
        if newly:
            _bump_versions(endpoint_id)


def record_answer(endpoint: Endpoint) -> None:
    """Note that a call was answered, whatever the answer, and close the breaker.

    Runs no SQL unless an earlier call went unanswered.
    """
    try:
        was_silent = bool(connection().delete(_key(endpoint.pk)))
    except redis.RedisError:
        was_silent = True
    if not was_silent and endpoint.away_since is None:
        return
    endpoint.away_since = None
    with transaction.atomic():
        back = Endpoint.objects.filter(pk=endpoint.pk, away_since__isnull=False).update(
            away_since=None, probe_due_at=None
        )
        if back:
            # First, because it locks the accounts in the order that all code uses.
            _bump_versions(endpoint.pk)
            # Read everything now that could not be read while the endpoint was away.
            Account.objects.filter(endpoint=endpoint.pk).update(track_due_at=None, round_due_at=None)


def may_call(endpoint: Endpoint) -> bool:
    """Whether a background call makes sense now.

    While the endpoint is away, True claims the probe that is due: no other worker probes until this one can have ended.
    """
    if endpoint.away_since is None:
        return True
    now = timezone.now()
    limit_s = settings.API_CONNECT_TIMEOUT_S + settings.API_READ_TIMEOUT_S + _FIRST_PAUSE_S
    claimed = Endpoint.objects.filter(_due(now), pk=endpoint.pk).update(probe_due_at=now + timedelta(seconds=limit_s))
    return bool(claimed)


def probes_due(now: datetime) -> list[int]:
    """One account, chosen at random, for each endpoint that is away and due for a probe."""
    accounts: dict[int, list[int]] = {}
    away = Endpoint.objects.filter(_due(now), away_since__isnull=False)
    for endpoint_id, account_id in Account.objects.filter(endpoint__in=away, trouble="").values_list(
        "endpoint_id", "pk"
    ):
        accounts.setdefault(endpoint_id, []).append(account_id)
    return [random.choice(ids) for ids in accounts.values()]  # noqa: S311 - not used for security


def _due(now: datetime) -> Q:
    return Q(probe_due_at=None) | Q(probe_due_at__lte=now)


def _count(endpoint_id: int, now: datetime) -> tuple[int, datetime]:
    """How many calls in a row went unanswered, and since when.

    Without Redis nothing can be counted, so a single unanswered call is enough to open the breaker.
    """
    key = _key(endpoint_id)
    try:
        with connection().pipeline() as pipe:
            pipe.hincrby(key, "count", 1)
            pipe.hsetnx(key, "since", now.isoformat())
            pipe.expire(key, _FORGET_AFTER_S)
            pipe.hget(key, "since")
            count, _new, _set, since = pipe.execute()
    except redis.RedisError:
        return _PATIENCE, now
    return int(count), datetime.fromisoformat(str(since))


def _key(endpoint_id: int) -> str:
    return f"silence:{endpoint_id}"


def _next_probe(away_since: datetime, now: datetime) -> datetime:
    away_s = (now - away_since).total_seconds()
    return now + timedelta(seconds=min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, away_s / 4)))


def _bump_versions(endpoint_id: int) -> None:
    for account_id in Account.objects.filter(endpoint=endpoint_id).order_by("pk").values_list("pk", flat=True):
        versions.bump(account_id)
