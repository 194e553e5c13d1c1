"""What anybody can cause at will fills no table: of many times only the 1st, 10th, 100th … are worth a line."""

from hashlib import sha256

import redis
from django.core.cache import cache

WINDOW_S = 600
# Of one person from whatever addresses: from then on every tenth, hundredth … only.
_MOST_LINES = 20


def attempts_to_record(what: str, who: str, address: str) -> int:
    """How many times it has happened to somebody from an address within ten minutes, where that is worth a line: else
    0. Always worth one when Redis does not answer.
    """
    try:
        count = _count(f"{what}:{who}:{address}")
        if not _is_round(count):
            return 0
        lines = _count(f"{what}:{who}")
    except redis.RedisError:
        return 1
    return count if lines <= _MOST_LINES or _is_round(lines) else 0


def _is_round(count: int) -> bool:
    return str(count).strip("0") == "1"


def _count(what: str) -> int:
    # An address that somebody typed is kept nowhere.
    key = f"trail:{sha256(what.encode()).hexdigest()}"
    cache.add(key, 0, WINDOW_S)
    try:
        return int(cache.incr(key))
    except ValueError:
        # It ran out in between.
        return 1
