"""At most `PROVIDER_RATE_LIMIT` calls in two seconds for one login, counted in Redis.

The window opens with the first call and closes two seconds later. Without Redis nothing is counted: an
unreachable counter must not stop the service.
"""

import math

import redis
from django.conf import settings

from hosting.provider.rules import values
from redis_connections.connection import Pool

_redis = redis.Redis(
    connection_pool=Pool.from_url(
        settings.PROVIDER_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
)


def seconds_to_wait(login: str) -> int:
    """Count a call of `login`. 0 when it may go on, else the seconds (1 or 2) until the next window."""
    limit = settings.PROVIDER_RATE_LIMIT
    if not limit:
        return 0
    key = f"{settings.REDIS_PREFIX}calls:{login[:64]}"
    try:
        with _redis.pipeline() as pipe:
            pipe.set(key, 0, px=values.RATE_WINDOW_S * 1000, nx=True)
            pipe.incr(key)
            pipe.pttl(key)
            _, calls, left_ms = pipe.execute()
    except redis.RedisError:
        return 0
    return max(1, math.ceil(left_ms / 1000)) if calls > limit else 0
