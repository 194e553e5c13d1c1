"""Signing in, as tests need it."""

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from django.test import Client


def stale(client: Client, seconds: int = 3600) -> None:
    """The client's last proof of who it is becomes so many seconds older."""
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] -= seconds
    session.save()
