"""How often somebody may call, counted in Redis.

- With a session: `PROVIDER_RATE_LIMIT` calls in two seconds for its login.
- Without one, logins included: `PROVIDER_ADDRESS_RATE_LIMIT` for the address they come from. So nobody uses up the
  calls of a handle whose name they know.
- Wrong passwords for one handle from one address: a few in a minute. From other addresses its owner still gets in.
  Those of the staff at `/admin/` likewise, and so many for all names together from one address.

A window opens with the first call and closes when its time is over. Without Redis nothing is counted: an unreachable
counter must not stop the service.
"""

import math

import redis
from django.conf import settings
from django.utils.crypto import salted_hmac

from hosting.provider.rules import values
from redis_connections.connection import Pool

_redis = redis.Redis(
    connection_pool=Pool.from_url(
        settings.PROVIDER_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
)


class TooManyError(Exception):
    """The call was not executed. It may be sent again after `retry_after_s` whole seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(retry_after_s)
        self.retry_after_s = retry_after_s


def count_login(login: str) -> None:
    """Count a call with a session of `login`.

    Raises:
        TooManyError: there were too many.
    """
    _count(f"login:{login}", settings.PROVIDER_RATE_LIMIT)


def count_address(address: str) -> None:
    """Count a call without a session.

    Raises:
        TooManyError: there were too many from this address.
    """
    _count(f"address:{address}", settings.PROVIDER_ADDRESS_RATE_LIMIT)


class WrongPasswords:
    """Those of one kind: for one handle from one address, for example."""

    def __init__(self, *kind: str, most: int = values.WRONG_PASSWORDS_MAX) -> None:
        # People type passwords where a handle belongs.
        digest = salted_hmac("provider.wrong", "\0".join(kind), algorithm="sha256").hexdigest()
        self._key, self._most = _key(f"wrong:{digest}"), most

    def check(self) -> None:
        """Return if another password may be tried.

        Raises:
            TooManyError: there were too many wrong ones.
        """
        if not settings.PROVIDER_ADDRESS_RATE_LIMIT:
            return
        try:
            with _redis.pipeline() as pipe:
                pipe.get(self._key)
                pipe.pttl(self._key)
                wrong, left_ms = pipe.execute()
        except redis.RedisError:
            return
        _refuse(int(wrong or 0) >= self._most, left_ms)

    def count(self) -> None:
        """Count a wrong password."""
        _counted(self._key, values.WRONG_PASSWORDS_WINDOW_S)


def _count(name: str, limit: int) -> None:
    if limit:
        calls, left_ms = _counted(_key(name), values.RATE_WINDOW_S)
        _refuse(calls > limit, left_ms)


def _counted(key: str, window_s: int) -> tuple[int, int]:
    """Count one more. Returns how many there are in this window, and the milliseconds until it closes."""
    try:
        with _redis.pipeline() as pipe:
            pipe.set(key, 0, px=window_s * 1000, nx=True)
            pipe.incr(key)
            pipe.pttl(key)
            _, count, left_ms = pipe.execute()
    except redis.RedisError:
        return 0, 0
    return count, left_ms


def _refuse(is_above: bool, left_ms: int) -> None:
    if is_above:
        raise TooManyError(max(1, math.ceil(left_ms / 1000)))


def _key(name: str) -> str:
    return f"{settings.REDIS_PREFIX}calls:{name}"
