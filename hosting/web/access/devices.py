"""Browsers in which somebody has signed in before (OWASP's device cookie).

Guesses are counted for each account: those from unknown browsers together, those from a known browser by themselves. So
whoever guesses elsewhere never keeps a person out of their own browser. The cookie opens nothing: it names a count.
"""

import secrets

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from hosting.teams.models import User

COOKIE = "devices"
_SALT = "hosting.web.devices"
# People who share one browser.
_MOST = 5


def known_device(request: HttpRequest, email: str) -> str | None:
    """What names this browser for the person with that address, if they have signed in here."""
    known = _read(request)
    if not known:
        return None
    people = EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user_id", flat=True)
    return next((f"{pk}:{known[str(pk)]}" for pk in people if str(pk) in known), None)


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """The person has signed in here, or has set a new password here: from now on their guesses here count afresh."""
    others = {pk: name for pk, name in _read(request).items() if pk != str(user.pk)}
    kept = dict(list(others.items())[-(_MOST - 1) :])
    response.set_cookie(
        COOKIE,
        signing.dumps({**kept, str(user.pk): secrets.token_urlsafe(9)}, salt=_SALT),
        max_age=settings.DEVICE_COOKIE_AGE_S,
        path="/auth/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[str, str]:
    """Who has signed in here: keys of people, each with a name of the browser."""
    try:
        found: dict[str, str] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=settings.DEVICE_COOKIE_AGE_S
        )
    except signing.BadSignature:
        return {}
    return found
