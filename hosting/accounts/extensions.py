"""Which extensions of the API an endpoint has: what it lists is used, and for the rest there is version 1."""

import re

from django.conf import settings

from hosting.accounts.models import Endpoint
from hosting.accounts.sessions import ApiSession
from hosting.api import CONSOLE, FIRST_BOOT, SSH_KEYS, USER_DATA, DataFault, SessionFault

__all__ = ["SSH_KEYS", "USER_DATA", "forget", "has", "has_consoles", "read"]

# Extensions are named apart from the methods of version 1.
_PREFIX = "sharedeck."
_HELP = "system.methodHelp"


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
    found = [name for name in listed if name.startswith(_PREFIX)]
    if _HELP in listed:
        found += _of_first_boot(session)
    _store(session.account.endpoint, sorted(found))


def _of_first_boot(session: ApiSession) -> list[str]:
    """What `vm_create` takes for the first boot: the keys of its specs that its help names."""
    try:
        told = session.call(lambda client: client.help("vm_create"))
    except SessionFault:
        raise
    except DataFault:
        return []
    words = set(re.findall(r"\w+", told))
    return [name for name in FIRST_BOOT if name.rpartition(".")[2] in words]


def forget(endpoint: Endpoint, extension: str) -> None:
    """Store that the endpoint does not know the extension any more."""
    _store(endpoint, [name for name in endpoint.extensions if name != extension])


def _store(endpoint: Endpoint, names: list[str]) -> None:
    if endpoint.extensions != names:
        endpoint.extensions = names
        Endpoint.objects.filter(pk=endpoint.pk).update(extensions=names)
