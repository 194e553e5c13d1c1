"""Sensitive pages want to know that it is still the same person: a password, passkey or code of not long ago.

Signing in is such a proof, and so is giving it again on the page that this leads to. Nothing that was posted is kept
meanwhile: what was refused is asked for again by the person.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

# What a mailed link proves is who reads the mail, and no more.
_METHODS = {"password", "mfa"}

ViewT = TypeVar("ViewT", bound=Callable[..., HttpResponseBase])


def seconds_since(request: HttpRequest) -> float:
    """Seconds since the person of this session last proved who they are; infinite when they never did."""
    records = get_authentication_records(request, request.user)
    times = [float(record["at"]) for record in records if record.get("method") in _METHODS]
    return time.time() - max(times) if times else float("inf")


def is_recent(request: HttpRequest) -> bool:
    """Whether the last proof is young enough to open this page, or to take what it posts."""
    reading = request.method in {"GET", "HEAD"}
    limit: int = settings.PROOF_OPENS_S if reading else settings.PROOF_CHANGES_S
    return seconds_since(request) < limit


def reauthenticated(view: ViewT) -> ViewT:
    """A sensitive view. Goes right above the view, under the decorators of `scope`, so that strangers get their 404.

    A page opens for `PROOF_OPENS_S` after a proof, and what it posts is taken for `PROOF_CHANGES_S`: its form was
    opened while the proof was fresh. A button of another page names that page in `next`, as every button does.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_recent(request) else redirect_to_confirm(request)

    return wrapper  # type: ignore[return-value]


def redirect_to_confirm(request: HttpRequest) -> HttpResponseBase:
    """To the page that asks for a proof, and from there back to where the person was.

    Raises:
        PermissionDenied: when they have nothing to prove it with.
    """
    ways = get_adapter().get_reauthentication_methods(request.user)
    if not ways:
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"}:
        messages.warning(request, _("Nothing was done yet: confirm that it is you, then send it again."))
    to = f"{ways[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: _return_url(request)})}"
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(to)
    return HttpResponseRedirect(to, status=303 if request.method == "POST" else 302)


def _return_url(request: HttpRequest) -> str:
    """The page that the person looks at: for htmx what the address bar says, for a button the page that holds it."""
    if shown := request.headers.get("HX-Current-URL"):
        parts = urlsplit(shown)
        asked = f"{parts.path}?{parts.query}" if parts.query else parts.path
    else:
        asked = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(asked, {request.get_host()}, require_https=request.is_secure())
    return asked if safe and asked.startswith("/") else request.get_full_path()
