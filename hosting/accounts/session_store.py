"""The store of sessions at the provider: sealed in Redis, for less than their lifetime, and nowhere else.

Pages read here what they may show of a session (whether there is one, since when, until when), never its id.

Decision: docs/decisions/0003-session-key-includes-the-password.md
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

# The API's sessions live 12 hours (specification, login). Ours are dropped an hour earlier, so that none expires in
# use.
PROVIDER_LIFE = timedelta(hours=12)
SESSION_LIFE_S = 11 * 3600
# How long pages show that the provider has refused a session.
_REFUSAL_LIFE_S = 7 * 24 * 3600


def session_key(account: Account, password: str) -> str:
    """The Redis key of the account's session. The password is part of it, so a new password finds no old session."""
    return "session:" + digest(account.endpoint.url, account.login, account.handle, password)


def digest(*parts: str) -> str:
    """A keyed digest that names secrets without revealing them."""
    message = "\0".join(parts).encode()
    return hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).hexdigest()


def get(key: str, ended: str = "") -> str:
    """The cached session id; empty when there is none, when it can't be decrypted, or when it is the `ended` one.

    Raises:
        redis.RedisError: when Redis is away.
    """
    try:
        session_id = unseal(str(connection().get(key) or ""))
    except UnreadableSecretError:
        return ""
    return "" if session_id == ended else session_id


def put(key: str, session_id: str) -> None:
    """Store a session that was just opened.

    Raises:
        redis.RedisError: when Redis is away.
    """
    connection().set(key, seal(session_id), ex=SESSION_LIFE_S)


def record_refusal(account_id: int) -> None:
    """Note that the provider refused a session before its time was over."""
    try:
        connection().set(f"session-refused:{account_id}", timezone.now().isoformat(), ex=_REFUSAL_LIFE_S)
    except redis.RedisError:
        return


def drop(account: Account) -> None:
    """Delete the account's session, so that the next call logs in.

    Raises:
        redis.RedisError: when Redis is away.
    """
    try:
        connection().delete(session_key(account, unseal(account.sealed_password)))
    except UnreadableSecretError:
        return


@dataclass(frozen=True)
class SessionState:
    """The state of an account's session, without its id. `known` is False while Redis is unavailable."""

    known: bool = False
    since: datetime | None = None
    until: datetime | None = None
    refused_at: datetime | None = None


def state_of(account: Account) -> SessionState:
    """Whether the account has a session at the provider, since when, and when it ends."""
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
