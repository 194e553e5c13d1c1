"""Connections that take a server's refusal for a lost connection, and the pool that makes them.

Decision: docs/decisions/0033-refusals-are-lost-connections.md
"""

import re
from functools import cache
from typing import Any

import redis

from redis_connections import outage

# Replies of a server that will work again later, or after somebody has mended it. They come alone, after the words of
# a transaction that was discarded ("…because of: READONLY"), or from within a script ("…: -OOM command not allowed").
_REFUSAL = re.compile(
    r"(?:^|-|because of: )(UNBLOCKED|READONLY|OOM|LOADING|MASTERDOWN|MISCONF|NOREPLICAS|BUSY|NOAUTH|WRONGPASS|NOPERM"
    r"|CLUSTERDOWN|TRYAGAIN)\b"
)
# Written on every new connection, to learn whether the server accepts writes; it is gone after a millisecond.
_PROBE = ("SET", "sharedeck:accepts-writes", "1", "PX", "1")


def _refusal(reply: redis.ResponseError) -> str:
    """What the server said, when it refuses commands in general; empty for errors of one command."""
    # redis-py takes the codes that it knows out of the text.
    text = " ".join(filter(None, [getattr(reply, "status_code", None), str(reply)]))
    return text if _REFUSAL.search(text) else ""


class _Guarded:
    """Mixed into a connection class of redis-py, below the methods that its callers use."""

    _made_at = 0

    def connect_check_health(self, *args: Any, **options: Any) -> None:
        connection: Any = super()
        if self.is_connected:  # type: ignore[attr-defined]
            return
        self._made_at = outage.count()
        try:
            connection.connect_check_health(*args, **options)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            outage.begin(error, self._made_at)
            raise
        outage.end()

    def on_connect_check_health(self, check_health: bool = True) -> None:
        connection: Any = super()
        connection.on_connect_check_health(check_health=check_health)
        # A replica and a full server answer reads. Without this, workers would connect, fail and connect again at once.
        connection.send_command(*_PROBE, check_health=False)
        self.read_response()

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        connection: Any = super()
        try:
            connection.send_packed_command(*args, **options)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            outage.begin(error, self._made_at)
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        connection: Any = super()
        try:
            return connection.read_response(*args, **options)
        except redis.ResponseError as reply:
            if not (said := _refusal(reply)):
                raise
            connection.disconnect()
            lost = redis.ConnectionError(said)
            outage.begin(lost, self._made_at)
            raise lost from None
        except (redis.ConnectionError, redis.TimeoutError) as error:
            outage.begin(error, self._made_at)
            raise


@cache
def guarded(connection_class: type) -> type:
    """The same class of connections (plain, TLS, a Unix socket), which takes refusals for lost connections."""
    return type(connection_class.__name__, (_Guarded, connection_class), {})


class Pool(redis.ConnectionPool):
    """A pool of redis-py whose connections are guarded."""

    def __init__(self, connection_class: type = redis.Connection, **options: Any) -> None:
        super().__init__(connection_class=guarded(connection_class), **options)
