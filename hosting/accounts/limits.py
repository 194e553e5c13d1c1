"""The client side of the API's rate limit: so many calls in two seconds for one login (contract, Limits).

The window lives in Redis and counts the calls of all workers. Every priority may use the whole window, but urgent calls
go first: background calls wait while a more urgent one does, and are spread evenly, so that a slot frees up at every
moment and nobody waits long.

Decision: docs/decisions/0008-rate-limit-priorities.md
"""

import time
from enum import IntEnum

from django.conf import settings

from hosting.accounts.store import connection

# The provider's window is 2 s. Ours is a little longer, because calls may bunch up on the network.
_WINDOW_MS = 2_050
# Once a quarter of the window is used, background calls keep at least this share of the even interval between them. Not
# the whole interval: the window itself limits the rate, and a pause that came out too long would waste a slot.
_PACE = 0.9
_BURST = 4
# ARGV: window in ms, calls allowed in it, the caller's priority, ms between two background calls.
# Returns 0 when the call may be made, else the ms to wait before trying again.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local window, limit, rank, pace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local taken = redis.call('ZCARD', KEYS[1])
local pause = 0
for urgent = 0, rank - 1 do
  pause = math.max(pause, redis.call('PTTL', KEYS[2] .. urgent))
end
if taken >= limit then
  local first = redis.call('ZRANGE', KEYS[1], taken - limit, taken - limit, 'WITHSCORES')
  pause = math.max(pause, first[2] + window - now)
elseif rank > 0 and taken * BURST >= limit then
  local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
  pause = math.max(pause, last[2] + pace - now)
end
if pause > 0 then
  redis.call('SET', KEYS[2] .. rank, 1, 'PX', pause + 50)
  return pause
end
redis.call('ZADD', KEYS[1], now, clock[1] .. '.' .. clock[2] .. '.' .. taken)
redis.call('PEXPIRE', KEYS[1], window)
return 0
""".replace("BURST", str(_BURST))


class Priority(IntEnum):
    """Who makes the call; lower numbers go first."""

    MEMBER = 0
    TRACKING = 1
    MIRROR = 2


class NoAllowanceError(Exception):
    """The rate limit left no room for the call in time."""


def take(login_key: str, priority: Priority, *, wait_s: float = 10.0) -> None:
    """Wait until one more call is allowed for this login, and count it.

    Raises:
        NoAllowanceError: after `wait_s` seconds.
        redis.RedisError: when Redis is unavailable.
    """
    limit = settings.API_RATE_LIMIT
    if not limit:
        return
    script = connection().register_script(_TAKE)
    keys = [f"calls:{login_key}", f"waiting:{login_key}:"]
    arguments = [_WINDOW_MS, limit, int(priority), int(_WINDOW_MS / limit * _PACE)]
    deadline = time.monotonic() + wait_s
    while pause_ms := int(script(keys=keys, args=arguments)):
        if time.monotonic() + pause_ms / 1000 > deadline:
            raise NoAllowanceError
        time.sleep(pause_ms / 1000)
