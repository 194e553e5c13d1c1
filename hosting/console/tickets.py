"""Ask the provider for the address of a server's console, and why there is none."""

import logging
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import Error

from hosting.accounts import extensions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sessions import AccountStoppedError, client_for
from hosting.api import CONSOLE, ApiError, Cause, DataFault, Fault, FaultObject, RateLimited, ServerFault
from hosting.viewings.lifecycle import End
from hosting.viewings.models import Viewing

log = logging.getLogger(__name__)


class NoConsoleError(Exception):
    """There is no console now; `end` says why."""

    def __init__(self, end: End) -> None:
        super().__init__(end.value)
        self.end = end


def address_for(viewing: Viewing) -> str:
    """Where the console is reached, once and soon. It is a secret. One API call, or up to three with a new session.

    Raises:
        NoConsoleError: there is none.
    """
    try:
        account = Account.objects.select_related("endpoint", "team").get(pk=viewing.account_id)
        if account.endpoint.away_since is not None:
            raise NoConsoleError(End.NO_ANSWER)
        session = client_for(account, Priority.MEMBER)
        ticket = session.call(lambda client: client.console(viewing.vm_remote_id))
    except Account.DoesNotExist:
        raise NoConsoleError(End.GONE) from None
    except AccountStoppedError:
        raise NoConsoleError(End.CREDENTIALS) from None
    except (NoAllowanceError, RateLimited):
        raise NoConsoleError(End.BUSY) from None
    except ApiError as error:
        raise NoConsoleError(_end_of(error, account.endpoint)) from None
    except (redis.RedisError, Error) as error:
        log.warning("A console could not be opened: %s", type(error).__name__)
        raise NoConsoleError(End.LOST) from None
    if not is_of(account.endpoint, ticket.url):
        log.warning("The consoles of the endpoint %s are at another host: see CONSOLE_HOSTS", account.endpoint.name)
        raise NoConsoleError(End.REFUSED)
    return ticket.url


def is_of(endpoint: Endpoint, url: str) -> bool:
    """Whether an address may be that of the endpoint's consoles: at its own host or one of `CONSOLE_HOSTS`, and
    encrypted if the endpoint is. What an endpoint says must not make the panel connect to hosts that only it reaches.
    """
    try:
        ours, theirs = urlsplit(endpoint.url), urlsplit(url)
        has_port = theirs.port is None or theirs.port > 0
    except ValueError:
        return False
    hosts = {ours.hostname, *(str(host).lower() for host in settings.CONSOLE_HOSTS)}
    schemes = {"wss"} if ours.scheme == "https" else {"ws", "wss"}
    is_bare = theirs.username is None and theirs.password is None and not theirs.fragment
    return theirs.scheme in schemes and theirs.hostname in hosts and is_bare and has_port


def _end_of(error: ApiError, endpoint: Endpoint) -> End:
    match error:
        case DataFault(object=FaultObject.VM, cause=Cause.STATE):
            return End.STOPPED
        case DataFault(object=FaultObject.VM, cause=Cause.NOT_FOUND | Cause.NO_RIGHT):
            return End.GONE
        case DataFault(object=FaultObject.METHOD, cause=Cause.NOT_FOUND):
            extensions.forget(endpoint, CONSOLE)
            return End.REFUSED
        case ServerFault():
            return End.NO_ANSWER
        case Fault():
            return End.REFUSED
    return End.NO_ANSWER
