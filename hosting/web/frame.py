"""The two counts that every page of an account shows, remembered for as long as nothing has moved.

They cost more to count than a list costs to read. What only time changes shows within a minute.
"""

from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache

from hosting.accounts.models import Account
from hosting.operations.models import Operation
from hosting.web import attention

_LIFE_S = 60


@dataclass(frozen=True)
class Counts:
    """Unfinished operations, and matters that need somebody."""

    open: int
    attention: int


def counts(account: Account, now: datetime) -> Counts:
    """The counts of the account as `account` was read: one look into Redis, or five queries."""
    key = f"frame:{account.pk}:{account.version}"
    try:
        known: Counts | None = cache.get(key)
        if known is None:
            known = _count(account, now)
            cache.set(key, known, _LIFE_S)
    except redis.RedisError:
        known = _count(account, now)
    return known


def _count(account: Account, now: datetime) -> Counts:
    return Counts(
        open=Operation.objects.filter(account=account).open().count(),
        attention=attention.counts([account], now)[account.pk],
    )
