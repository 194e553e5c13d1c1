"""Log in at the provider (two calls), and tell why a login was refused."""

from functools import lru_cache

from django.conf import settings

from hosting.accounts import limits
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.session_store import digest
from hosting.api import ApiError, CredentialsRefused, DataFault, NotEncodable, SessionFault, Transport, login, su
from hosting.api.errors import FaultObject

# Parallel calls over kept-alive connections.
PARALLEL_CALLS = 16


@lru_cache
def transport_to(url: str) -> Transport:
    """The transport to an endpoint, shared by the whole process."""
    return Transport(
        url,
        connect_timeout_s=settings.API_CONNECT_TIMEOUT_S,
        read_timeout_s=settings.API_READ_TIMEOUT_S,
        pool_size=PARALLEL_CALLS,
    )


def login_key(endpoint: Endpoint, name: str) -> str:
    """The key under which the calls of one login are counted."""
    return digest(endpoint.url, name)


def longest_s() -> float:
    """The longest that a login may take, in seconds."""
    return float(2 * (settings.API_CONNECT_TIMEOUT_S + settings.API_READ_TIMEOUT_S))


def sign_in(endpoint: Endpoint, *, name: str, password: str, handle: str, priority: Priority) -> str:
    """Open a session: log in in safe mode, then `su` to the handle (contract, Sessions).

    Raises:
        ApiError: `refusal_of` tells whether the credentials or the handle were refused.
        limits.NoAllowanceError, redis.RedisError: the login could not be tried.
    """
    transport, key = transport_to(endpoint.url), login_key(endpoint, name)
    limits.take(key, priority)
    safe_session = login(transport, name, password, safe=True)
    limits.take(key, priority)
    return su(transport, safe_session, handle)


def refusal_of(error: ApiError) -> Account.Trouble:
    """Why a login was refused; NONE when the same login may work later."""
    match error:
        case SessionFault():
            # The session ended between the two calls; the credentials are not at fault.
            return Account.Trouble.NONE
        case CredentialsRefused() | NotEncodable():
            return Account.Trouble.CREDENTIALS
        case DataFault(object=FaultObject.PASSWORD | FaultObject.CREDENTIALS):
            return Account.Trouble.CREDENTIALS
        case DataFault():
            return Account.Trouble.HANDLE
    return Account.Trouble.NONE
