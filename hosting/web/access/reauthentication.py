"""Reauthentication: sensitive pages require a password, passkey or code entered not long ago.

Signing in counts, and so does the page "Confirm it's you". What was typed waits meanwhile, without secrets: the person
sends the form again afterwards (`answers.kept_form`).

Decision: docs/decisions/0020-own-reauthentication.md
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

from hosting.web.answers import kept_form
from hosting.web.answers.following import shown_page

# Sign-in methods that count. A mailed link does not: it only shows that somebody reads the mail.
_METHODS = {"password", "mfa"}

ViewT = TypeVar("ViewT", bound=Callable[..., HttpResponseBase])


def seconds_since(request: HttpRequest) -> float:
    """Seconds since the person of this session last authenticated; infinite when they never did."""
    records = get_authentication_records(request, request.user)
    times = [float(record["at"]) for record in records if record.get("method") in _METHODS]
    return time.time() - max(times) if times else float("inf")


def is_recent(request: HttpRequest) -> bool:
    """Whether the last authentication is recent enough to open this page, or to accept what it posts."""
    reading = request.method in {"GET", "HEAD"}
    limit: int = settings.PROOF_OPENS_S if reading else settings.PROOF_CHANGES_S
    return seconds_since(request) < limit


def reauthenticated(view: ViewT) -> ViewT:
    """Decorate a sensitive view. Goes right above the view, below the decorators of `scope`: strangers get a 404 first.

    A page opens for `PROOF_OPENS_S` seconds after authentication, and accepts its form for `PROOF_CHANGES_S`, so that
    a form opened in time can still be sent. Buttons on other pages name their page in `next`, as every button does.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_recent(request) else redirect_to_confirm(request)

    return wrapper  # type: ignore[return-value]


def redirect_to_confirm(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the page "Confirm it's you", which then leads back to where the person was.

    Raises:
        PermissionDenied: the person has no method to reauthenticate with.
    """
    ways = get_adapter().get_reauthentication_methods(request.user)
    if not ways:
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"}:
        kept_form.keep(request, kept_form.Why.UNPROVEN)
        messages.warning(request, _("Confirm it's you, then submit the form again. Nothing was changed."))
    shown = shown_page(request, request.get_full_path())
    to = f"{ways[0]['url']}?{urlencode({REDIRECT_FIELD_NAME: shown})}"
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(to)
    return HttpResponseRedirect(to, status=303 if request.method == "POST" else 302)
