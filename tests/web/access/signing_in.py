"""Signing in, as tests need it."""

import time

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.test import Client

from hosting.teams.models import User
from tests import factories

PASSWORD = "a-long-enough-1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def stale(client: Client, seconds: int = 3600) -> None:
    """The client's last proof of who it is becomes so many seconds older."""
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= seconds
    session.save()


def sign_in(client: Client, email: str, password: str, **more: object) -> str:
    """Where the person is led to; without signing in, what the page says."""
    response = client.post("/auth/login/", {"login": email, "password": password, **more})
    return str(response["Location"]) if response.status_code == 302 else response.content.decode()


def person_with_password(email: str = "") -> User:
    person = factories.user(email)
    person.set_password(PASSWORD)
    person.save()
    return person


def with_app(person: User, secret: str = SECRET) -> User:
    """The person has an authenticator app, and recovery codes."""
    TOTP.activate(person, secret)
    RecoveryCodes.activate(person)
    return person


def code(secret: str = SECRET) -> str:
    """What the app shows now (RFC 6238)."""
    shown: str = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    return shown
