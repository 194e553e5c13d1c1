"""The version of what an account's pages show. It is a column of the account; Redis has a copy, so that polls need no
SQL.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import redis
from django.db import transaction
from django.db.models import F

from hosting.accounts.models import Account
from hosting.accounts.store import connection

# Copies expire after five minutes, so that a lost update in Redis does not keep pages stale for longer.
_LIFE_S = 300
# Two commits may be published in any order, so the greater version wins.
_PUBLISH = """
local seen = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], math.max(seen, tonumber(ARGV[1])), 'EX', ARGV[2])
"""


def _key(account_id: int) -> str:
    return f"version:{account_id}"


def _ages_key(account_id: int) -> str:
    return f"ages:{account_id}"


def bump(account_id: int) -> None:
    """Increase the version after a change that pages show. Call it in the transaction of the change."""
    Account.objects.filter(pk=account_id).update(version=F("version") + 1)
    transaction.on_commit(lambda: read(account_id))


def bump_all(team_id: int) -> None:
    """Refresh all open pages of a team's accounts, because somebody's permissions have changed."""
    for account_id in Account.objects.filter(team=team_id).values_list("pk", flat=True):
        bump(account_id)


@dataclass(frozen=True)
class CachedVersion:
    """The version of an account and the ages of its data, as stored in Redis; None where Redis has no value."""

    version: int | None = None
    ages: str | None = None


def current(account_id: int) -> CachedVersion:
    """The version and the age from Redis, without SQL. When the version is None, call `read`."""
    try:
        version, ages = connection().mget(_key(account_id), _ages_key(account_id))
    except redis.RedisError:
        return CachedVersion()
    return CachedVersion(
        int(version) if version is not None else None,
        str(ages) if ages is not None else None,
    )


def record_ages(account_id: int, ages: Iterable[datetime | None]) -> None:
    """Store the ages of the account's data, so that pages show them even if nothing has changed."""
    text = " ".join(at.isoformat() if at else "-" for at in ages)
    try:
        connection().set(_ages_key(account_id), text, ex=_LIFE_S)
    except redis.RedisError:
        return


def read(account_id: int) -> int:
    """Read the version from the database, and publish it for `current`."""
    version = Account.objects.values_list("version", flat=True).get(pk=account_id)
    publish(account_id, version)
    return version


def publish(account_id: int, version: int) -> None:
    """Store a version in Redis, where `current` finds it."""
    try:
        connection().eval(_PUBLISH, 1, _key(account_id), str(version), str(_LIFE_S))
    except redis.RedisError:
        return
