from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories


@pytest.fixture(autouse=True)
def quick_and_uncollected(settings: Settings, tmp_path: Path) -> None:
    """Tests don't collect static files, and hash passwords quickly."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.STATIC_ROOT = str(tmp_path)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


@pytest.fixture
def browser(owner: Membership) -> Client:
    """A client that the owner is signed in with. An error of a view is a 500 page, as in real life."""
    client = Client()
    client.force_login(owner.user)
    return client
