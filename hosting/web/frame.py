"""The two counts that every page of an account shows, and what has ended lately; remembered while nothing has moved.

They cost more to count than a list costs to read. What only time changes shows within a minute.
"""

from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache

from hosting.accounts.models import Account
from hosting.operations.models import Operation
from hosting.web import attention, ended
from hosting.web.ended import Ended

_LIFE_S = 60


@dataclass(frozen=True)
class Counts:
    """Unfinished operations, matters that need somebody, and what people asked for that has ended."""

    open: int
    attention: int
    ended: tuple[Ended, ...]


def counts(account: Account, now: datetime) -> Counts:
    """The counts of the account as `account` was read: one look into Redis, or six queries."""
    key = f"frame:2:{account.pk}:{account.version}"
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
        ended=ended.lately(account, now),
    )
