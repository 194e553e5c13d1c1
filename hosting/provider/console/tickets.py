"""Tickets: each lets one connection to the console of one VM in, within half a minute.

Redis keeps what a ticket is for under its digest, so who reads Redis opens no console. Taking a ticket removes it.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from redis_connections.connection import Pool

GOOD_FOR_S = 30
# 32 random bytes take 43 characters; what is much longer need not be looked up.
_LENGTH_MAX = 64

_redis = redis.Redis(
    connection_pool=Pool.from_url(
        settings.PROVIDER_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
)


@dataclass(frozen=True)
class Admission:
    """What a ticket is for: the VM, and the handle that asked for it."""

    vm_id: int
    handle: str


def issue(vm_id: int, handle: str, seconds: int = GOOD_FOR_S) -> tuple[str, datetime]:
    """A new ticket, which is stored nowhere, and until when it is good.

    Raises:
        redis.RedisError: it could not be kept.
    """
    ticket = secrets.token_urlsafe(32)
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    kept = json.dumps({"vm_id": vm_id, "handle": handle, "expires": expires.timestamp()})
    _redis.set(_key(ticket), kept, ex=seconds)
    return ticket, expires


@sensitive_variables("ticket")
def take(ticket: str) -> Admission | None:
    """What the ticket is for. None when it was taken before, has expired, or never was.

    Raises:
        redis.RedisError: nobody knows.
    """
    if len(ticket) > _LENGTH_MAX:
        return None
    kept = _redis.getdel(_key(ticket))
    if not isinstance(kept, bytes):
        return None
    found = json.loads(kept)
    # Redis may remove it a little late.
    if found["expires"] <= datetime.now(UTC).timestamp():
        return None
    return Admission(found["vm_id"], found["handle"])


def _key(ticket: str) -> str:
    digest = hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{settings.REDIS_PREFIX}console:{digest}"
