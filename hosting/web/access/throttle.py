"""Limit audit entries for events that anybody can cause, such as failed sign-ins: record the 1st, 10th, 100th …"""

from hashlib import sha256

import redis
from django.core.cache import cache

WINDOW_S = 600
# Entries per person from all addresses; after these only the 100th, 1000th … is recorded.
_MOST_LINES = 20


def attempts_to_record(what: str, who: str, address: str, *, detail: str = "") -> int:
    """How often an event has happened to a person from an address within `WINDOW_S`, if this one is to be recorded;
    otherwise 0. Events with different `detail` are counted one by one, and share the limit of entries. Without Redis
    every event is recorded.
    """
    try:
        count = _count(f"{what}:{detail}:{who}:{address}")
        if not _is_round(count):
            return 0
        lines = _count(f"{what}:{who}")
    except redis.RedisError:
        return 1
    return count if lines <= _MOST_LINES or _is_round(lines) else 0


def _is_round(count: int) -> bool:
    return str(count).strip("0") == "1"


def _count(what: str) -> int:
    # Hashed, so that Redis does not store addresses that people typed.
    key = f"audit:{sha256(what.encode()).hexdigest()}"
    cache.add(key, 0, WINDOW_S)
    try:
        return int(cache.incr(key))
    except ValueError:
        # The key expired in between.
        return 1
