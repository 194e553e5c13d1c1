"""Where sessions at the provider are kept: sealed in Redis, for less than they live, and nowhere else.

What pages may know of one (that it is there, since when and until when) is read here, without its id.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.accounts.sealing import UnreadableSecretError, seal, unseal
from hosting.accounts.store import connection

# The API's sessions live 12 hours (specification, login). An hour less, so that none ends in our hands.
PROVIDER_LIFE = timedelta(hours=12)
SESSION_LIFE_S = 11 * 3600
# How long a page remembers that the provider once refused a session.
_REFUSAL_LIFE_S = 7 * 24 * 3600


def session_key(account: Account, password: str) -> str:
    """Where the session is cached. The password is part of it: who has another password has no session either."""
    return "session:" + digest(account.endpoint.url, account.login, account.handle, password)


def digest(*parts: str) -> str:
    """A name for secrets that tells nothing of them."""
    message = "\0".join(parts).encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()


def get(key: str, ended: str = "") -> str:
    """The session id that is cached; empty when there is none, when it can't be read, or when it is the `ended` one.

    Raises:
        redis.RedisError: when Redis is away.
    """
    try:
        session_id = unseal(str(connection().get(key) or ""))
    except UnreadableSecretError:
        return ""
    return "" if session_id == ended else session_id


def put(key: str, session_id: str) -> None:
    """Keep a session that was just opened.

    Raises:
        redis.RedisError: when Redis is away.
    """
    connection().set(key, seal(session_id), ex=SESSION_LIFE_S)


def record_refusal(account_id: int) -> None:
    """The provider did not know a session that should have lived on."""
    try:
        connection().set(f"session-refused:{account_id}", timezone.now().isoformat(), ex=_REFUSAL_LIFE_S)
    except redis.RedisError:
        return


def drop(account: Account) -> None:
    """Forget the account's session, so that the next call logs in.

    Raises:
        redis.RedisError: when Redis is away.
    """
    try:
        connection().delete(session_key(account, unseal(account.sealed_password)))
    except UnreadableSecretError:
        return


@dataclass(frozen=True)
class SessionState:
    """What is known of an account's session, its id apart. `known` is False while Redis is away."""

    known: bool = False
    since: datetime | None = None
    until: datetime | None = None
    refused_at: datetime | None = None


def state_of(account: Account) -> SessionState:
    """Whether there is a session at the provider, since when, and until when it lives there."""
    try:
        key = session_key(account, unseal(account.sealed_password))
    except UnreadableSecretError:
        return SessionState(known=True)
    try:
        with connection().pipeline() as pipe:
            pipe.pttl(key)
            pipe.get(f"session-refused:{account.pk}")
            left_ms, refused_at = pipe.execute()
    except redis.RedisError:
        return SessionState()
    since = None
    if int(left_ms) > 0:
        since = timezone.now() - timedelta(seconds=SESSION_LIFE_S) + timedelta(milliseconds=int(left_ms))
    return SessionState(
        known=True,
        since=since,
        until=since + PROVIDER_LIFE if since else None,
        refused_at=datetime.fromisoformat(str(refused_at)) if refused_at else None,
    )
