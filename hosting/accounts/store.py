"""The Redis connection of this process. Everything stored there may be lost at any time without harm."""

from functools import cache

import redis
from django.conf import settings

from redis_connections.connection import Pool


def connection() -> redis.Redis:
    """The client of this process, for all of its threads; answers are strings.

    Its commands raise `redis.RedisError` when Redis is unavailable.
    """
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> redis.Redis:
    pool = Pool.from_url(
        url,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
        decode_responses=True,
    )
    return redis.Redis(connection_pool=pool)
