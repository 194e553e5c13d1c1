"""Which extensions of the API an endpoint has: what it lists is used, and for the rest there is version 1."""

from django.conf import settings

from hosting.accounts.models import Endpoint
from hosting.accounts.sessions import ApiSession
from hosting.api import CONSOLE, DataFault, SessionFault

# Extensions are named apart from the methods of version 1.
_PREFIX = "sharedeck."


def has(endpoint: Endpoint, extension: str) -> bool:
    """Whether the endpoint has the extension, and the installation uses any (`API_EXTENSIONS`)."""
    return settings.API_EXTENSIONS and extension in endpoint.extensions


def has_consoles(endpoint: Endpoint) -> bool:
    """Whether the endpoint lets its customers use the consoles of their servers."""
    return has(endpoint, CONSOLE)


def read(session: ApiSession) -> None:
    """Read and store what the endpoint lists. A server without `system.listMethods` has none.

    Raises:
        hosting.api.ApiError: it could not be read; nothing has changed.
    """
    try:
        listed = session.call(lambda client: client.methods())
    except SessionFault:
        raise
    except DataFault:
        listed = []
    _store(session.account.endpoint, sorted(name for name in listed if name.startswith(_PREFIX)))


def forget(endpoint: Endpoint, extension: str) -> None:
    """Store that the endpoint does not know the extension any more."""
    _store(endpoint, [name for name in endpoint.extensions if name != extension])


def _store(endpoint: Endpoint, names: list[str]) -> None:
    if endpoint.extensions != names:
        endpoint.extensions = names
        Endpoint.objects.filter(pk=endpoint.pk).update(extensions=names)
