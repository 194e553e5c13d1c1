"""Sessions as signing in with a password leaves them. The sign-in form itself has tests of its own."""

from allauth.account.internal.flows.login import record_authentication
from django.http import HttpRequest
from django.test import Client

from hosting.teams.models import User


def open_session(email: str) -> str:
    """Sign a person in, and return the key of the session. Hashing a password takes longer than opening a page."""
    client, person = Client(), User.objects.get(email=email)
    client.force_login(person)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, person, "password", email=email)
    request.session.save()
    return str(request.session.session_key)
