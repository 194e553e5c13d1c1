import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.models import Membership, User
from tests import factories


@pytest.fixture(autouse=True)
def quick_and_uncollected(settings: Settings, tmp_path: Path) -> None:
    """Tests don't collect static files, and hash passwords quickly."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STATIC_ROOT = str(tmp_path)
    # Rows of earlier tests had the same ids, so their cached values must be cleared.
    cache.clear()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def codes_that_do_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of authenticator apps stands still: a code would otherwise pass while a slow test types it."""
    now = time.time()
    monkeypatch.setattr(totp, "time", SimpleNamespace(time=lambda: now))


def _by_password(sender: object, request: HttpRequest, user: User, **_: object) -> None:
    if not get_authentication_records(request, user):
        record_authentication(request, user, method="password")


@pytest.fixture(autouse=True)
def signing_in_proves() -> Iterator[None]:
    """`force_login` stands for signing in with a password just now (`tests.web.access.signing_in.stale` ages that)."""
    user_logged_in.connect(_by_password)
    yield
    user_logged_in.disconnect(_by_password)


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


@pytest.fixture
def browser(owner: Membership) -> Client:
    """A client signed in as the owner. An error in a view gives a 500 page, as in production."""
    client = Client()
    client.force_login(owner.user)
    return client
