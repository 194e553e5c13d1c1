"""Where a request comes from."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest

from hosting.teams.request_origin import Origin
from safekeeping.sessions import stored_name


def origin_of(request: HttpRequest) -> Origin:
    """Where a request comes from, for the audit log."""
    key = request.session.session_key or ""
    return Origin(
        address=get_adapter().get_client_ip(request),
        session=stored_name(key)[:16] if key else "",
    )
