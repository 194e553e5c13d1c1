"""Known browsers: those in which a person has signed in before (OWASP's device cookie).

Failed sign-ins are counted per person: those from unknown browsers together, those from each known browser separately.
So guesses from elsewhere never lock a person out of their own browser. The cookie gives no access: it names a counter.
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
    """The key of this browser's counter for the person with that address; None when they have not signed in here."""
    known = _read(request)
    if not known:
        return None
    people = EmailAddress.objects.filter(email=email.lower(), verified=True).values_list("user_id", flat=True)
    return next((f"{pk}:{known[str(pk)]}" for pk in people if str(pk) in known), None)


def remember(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    """Start a new counter for this person in this browser, after they have signed in or set a new password."""
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
    """The people who have signed in here: user ids, each with the name of their counter."""
    try:
        found: dict[str, str] = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=settings.DEVICE_COOKIE_AGE_S
        )
    except signing.BadSignature:
        return {}
    return found
