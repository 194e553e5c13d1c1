"""Where a request comes from."""

from hashlib import sha256

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from hosting.teams.request_origin import Origin


def origin_of(request: HttpRequest) -> Origin:
    """Where a request comes from, for the audit log."""
    key = request.session.session_key or ""
    return Origin(
        address=get_adapter().get_client_ip(request),
        session=sha256(key.encode()).hexdigest()[:16] if key else "",
    )
