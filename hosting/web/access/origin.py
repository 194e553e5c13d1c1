"""Where a request comes from."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest

from hosting.teams.request_origin import Origin
from safekeeping.sessions import stored_name


def client_address(request: HttpRequest) -> str:
    """The address that a request comes from: that of the connection, or what the trusted proxies (`TRUSTED_PROXIES`)
    say. Each of them appends the address that it saw to X-Forwarded-For, so everything before theirs is the client's
    own invention. Without a valid entry the address of the connection counts.
    """
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    said = request.headers.get("X-Forwarded-For", "").split(",")
    if 0 < proxies <= len(said) and (found := _address(said[-proxies])):
        return found
    return str(request.META.get("REMOTE_ADDR") or "")


def origin_of(request: HttpRequest) -> Origin:
    """Where a request comes from, for the audit log."""
    key = request.session.session_key or ""
    return Origin(address=client_address(request), session=stored_name(key)[:16] if key else "")


def _address(text: str) -> str:
    """A valid address, without the port that some proxies add (`192.0.2.1:80`, `[2001:db8::1]:80`); otherwise empty."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        return str(ip_address(host))
    except ValueError:
        return ""
