"""The Redis connection of this process. Everything stored there may be lost at any time without harm."""

from functools import lru_cache

import redis
from django.conf import settings


@lru_cache
def _pool(url: str) -> redis.ConnectionPool:
    return redis.ConnectionPool.from_url(
        url,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        decode_responses=True,
    )


def connection() -> redis.Redis:
    """A client on the shared connection pool; answers are strings.

    Its commands raise `redis.RedisError` when Redis is unavailable.
    """
    return redis.Redis(connection_pool=_pool(settings.REDIS_URL))
