"""The version of what an account's pages show. The row holds it; Redis has a copy, so that a poll costs no SQL."""

from dataclasses import dataclass
from datetime import datetime

import redis
from django.db import transaction
from django.db.models import F

from hosting.accounts.models import Account
from hosting.accounts.store import connection

# A copy lives for five minutes: whatever went wrong with Redis, pages are right again by then.
_LIFE_S = 300
# Two commits may be published in either order: the greater version stays.
_PUBLISH = """
local seen = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], math.max(seen, tonumber(ARGV[1])), 'EX', ARGV[2])
"""


def _key(account_id: int) -> str:
    return f"version:{account_id}"


def _read_key(account_id: int) -> str:
    return f"read:{account_id}"


def bump(account_id: int) -> None:
    """Say that something pages show has changed. Call it in the transaction of the change."""
    Account.objects.filter(pk=account_id).update(version=F("version") + 1)
    transaction.on_commit(lambda: read(account_id))


def bump_all(team_id: int) -> None:
    """Have every open page of a team's accounts ask anew: who may see them, or do what on them, has changed."""
    for account_id in Account.objects.filter(team=team_id).values_list("pk", flat=True):
        bump(account_id)


@dataclass(frozen=True)
class CachedVersion:
    """What Redis knows of an account: its version, and when it was last read. None where it does not know."""

    version: int | None = None
    read_at: str | None = None


def current(account_id: int) -> CachedVersion:
    """The version and the age as Redis knows them, without SQL. An unknown version: `read` it."""
    try:
        version, read_at = connection().mget(_key(account_id), _read_key(account_id))
    except redis.RedisError:
        return CachedVersion()
    return CachedVersion(
        int(version) if version is not None else None,
        str(read_at) if read_at is not None else None,
    )


def record_read(account_id: int, at: datetime) -> None:
    """Say that the account was read and nothing may have changed: pages are younger for it, without a new version."""
    try:
        connection().set(_read_key(account_id), at.isoformat(), ex=_LIFE_S)
    except redis.RedisError:
        return


def read(account_id: int) -> int:
    """The version from the row, put where `current` finds it."""
    version = Account.objects.values_list("version", flat=True).get(pk=account_id)
    publish(account_id, version)
    return version


def publish(account_id: int, version: int) -> None:
    """Put a version that was read from the row where `current` finds it."""
    try:
        connection().eval(_PUBLISH, 1, _key(account_id), str(version), str(_LIFE_S))
    except redis.RedisError:
        return
