"""The progress of an account's first import. It is in Redis only: if it is lost, pages just don't show it."""

from dataclasses import dataclass

import redis

from hosting.accounts.store import connection

_LIFE_S = 120


@dataclass(frozen=True)
class Progress:
    """Objects read so far and in all, and the estimated seconds for the rest; None while there is no estimate."""

    done: int
    total: int
    left_s: int | None = None


def publish(account_id: int, progress: Progress) -> None:
    """Store the progress of an import, for `current`."""
    left = "" if progress.left_s is None else str(progress.left_s)
    try:
        connection().set(_key(account_id), f"{progress.done} {progress.total} {left}", ex=_LIFE_S)
    except redis.RedisError:
        return


def current(account_id: int) -> Progress | None:
    """The progress of the import; None when no import is known to run."""
    try:
        noted = connection().get(_key(account_id))
    except redis.RedisError:
        return None
    if noted is None:
        return None
    done, total, *left = str(noted).split()
    return Progress(int(done), int(total), int(left[0]) if left else None)


def _key(account_id: int) -> str:
    return f"import:{account_id}"
