"""Helpers that sign in."""

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from hosting.teams.models import User
from tests import factories

PASSWORD = "a-long-enough-1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def stale(client: Client, seconds: int = 3600) -> None:
    """Move the client's last authentication back by so many seconds."""
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= seconds
    session.save()


def sign_in(client: Client, email: str, password: str, **more: object) -> str:
    """Sign in; return the redirect location, or the page's text if it failed."""
    response = client.post("/auth/login/", {"login": email, "password": password, **more})
    return str(response["Location"]) if response.status_code == 302 else response.content.decode()


def person_with_password(email: str = "") -> User:
    person = factories.user(email)
    person.set_password(PASSWORD)
    person.save()
    return person


def with_app(person: User, secret: str = SECRET) -> User:
    """Give the person an authenticator app and recovery codes."""
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    return person


def code(secret: str = SECRET) -> str:
    """The current code of the authenticator app (RFC 6238), by the clock that checks it."""
    shown: str = format_hotp_value(hotp_value(secret, int(auth.time.time()) // 30))
    return shown
