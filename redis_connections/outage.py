"""The outage of Redis that this process sees: when it began, and one line in the log for its begin and its end."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import redis

log = logging.getLogger(__name__)

_lock = threading.Lock()
_since: datetime | None = None
_count = 0


def since() -> datetime | None:
    """When the present outage began, as far as this process has noticed; None when there is none."""
    return _since


def count() -> int:
    """How many outages this process has seen. A connection keeps the number that it was made at."""
    return _count


def begin(error: redis.RedisError, made_at: int) -> None:
    """Note that a connection was lost. `made_at`: the `count` when it was made.

    The connections that an outage broke are often used only after it: what is older than the latest one tells nothing
    new.
    """
    global _since, _count
    with _lock:
        if _since is not None or made_at < _count:
            return
        _since, _count = datetime.now(UTC), _count + 1
    log.warning("Redis is unavailable; trying again until it is back: %s", str(error))


def end() -> None:
    """Note that a new connection works, and that its server accepts writes."""
    global _since
    with _lock:
        if _since is None:
            return
        began, _since = _since, None
    log.warning("Redis is back after %.1f s.", (datetime.now(UTC) - began).total_seconds())


class ToldOnce(logging.Filter):
    """Drops what others log about lost connections to Redis: `begin` has said it.

    During an outage Celery would log each of its attempts, some with tracebacks.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        errors = [*arguments, record.exc_info[1] if record.exc_info else None]
        return not any(_is_lost_connection(error) for error in errors if isinstance(error, BaseException))


def _is_lost_connection(error: BaseException) -> bool:
    return any(
        isinstance(each, redis.ConnectionError | redis.TimeoutError) and not isinstance(each, redis.MaxConnectionsError)
        for each in _causes(error)
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
