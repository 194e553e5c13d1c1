"""The rate limit of the API, kept on our side: so many calls in two seconds for one login (contract, Limits).

The window lives in Redis, so that every worker counts. Members' operations may use all of it, tracking most of it,
the mirror the rest: what a person waits for goes first.
"""

import time
from enum import Enum

from django.conf import settings

from hosting.accounts.store import connection

# The provider's window is 2 s. Ours is a little longer, because calls travel and may bunch up on the way.
_WINDOW_MS = 2_200
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[1])
local taken = redis.call('ZCARD', KEYS[1])
if taken < tonumber(ARGV[2]) then
  redis.call('ZADD', KEYS[1], now, clock[1] .. '.' .. clock[2] .. '.' .. taken)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  return 0
end
local first = redis.call('ZRANGE', KEYS[1], taken - ARGV[2], taken - ARGV[2], 'WITHSCORES')
return math.max(1, first[2] + ARGV[1] - now)
"""


class Priority(Enum):
    """Who calls, with the part of the allowance that they may use."""

    MEMBER = 1.0
    TRACKING = 0.85
    MIRROR = 0.7


class NoAllowanceError(Exception):
    """No call became free in time."""


def take(login_key: str, priority: Priority, *, wait_s: float = 10.0) -> None:
    """Wait until one more call is allowed for this login, and count it.

    Raises:
        NoAllowanceError: after `wait_s` seconds.
        redis.RedisError: when Redis is away.
    """
    if not settings.API_RATE_LIMIT:
        return
    allowance = max(1, int(settings.API_RATE_LIMIT * priority.value))
    script = connection().register_script(_TAKE)
    deadline = time.monotonic() + wait_s
    while pause_ms := int(script(keys=[f"calls:{login_key}"], args=[_WINDOW_MS, allowance])):
        if time.monotonic() + pause_ms / 1000 > deadline:
            raise NoAllowanceError
        time.sleep(pause_ms / 1000)
