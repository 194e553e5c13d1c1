"""Whether the workers run: each sweep leaves its time in Redis, and pages and `/health` read it.

Without that time nothing is said: Redis may have been started a moment ago.
"""

from contextlib import suppress
from datetime import datetime, timedelta

import redis
from django.utils import timezone

from hosting.accounts.store import connection

_KEY = "swept-at"
# A sweep runs every half second. A deployment restarts the workers within this time.
_PATIENCE = timedelta(seconds=30)


def record(now: datetime) -> None:
    """Note that a worker has run the sweep."""
    with suppress(redis.RedisError):
        connection().set(_KEY, now.isoformat())


def silent_since() -> datetime | None:
    """Since when no worker has run the sweep; None while they run, or when that is not known."""
    try:
        text = connection().get(_KEY)
    except redis.RedisError:
        return None
    swept_at = datetime.fromisoformat(str(text)) if text else None
    return swept_at if swept_at and swept_at < timezone.now() - _PATIENCE else None
