"""Where a call comes from, for counting calls without a session."""

from ipaddress import ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

# Whoever has one address of IPv6 has a whole network of them.
_IPV6_PREFIX = 64


def address_of(request: HttpRequest) -> str:
    """The caller's address, of IPv6 its /64 network. Behind a TLS proxy (`HTTPS`) it is the one that the proxy saw."""
    given = request.META.get("REMOTE_ADDR", "")
    if settings.HTTPS:
        given = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or given
    try:
        address = ip_address(given)
    except ValueError:
        return ""
    return str(address if address.version == 4 else ip_network((address, _IPV6_PREFIX), strict=False))
