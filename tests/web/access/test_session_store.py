"""Sessions at rest: whoever reads the database or Redis cannot take one over."""

from importlib import import_module

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.conf import settings as now
from django.contrib.sessions.models import Session
from django.core import serializers
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from hosting.accounts import store
from hosting.accounts.models import Account
from hosting.teams.models import User
from hosting.web.access.session_store import SessionStore
from safekeeping.sessions import stored_name
from tests import factories
from tests.web.access.signing_in import PASSWORD, person_with_password, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return person_with_password()


def key_of(client: Client) -> str:
    return str(client.cookies[now.SESSION_COOKIE_NAME].value)


def signed_in(person: User) -> Client:
    client = Client()
    assert sign_in(client, person.email, PASSWORD) == "/"
    return client


def is_in(client: Client) -> bool:
    return bool(client.get("/me/").status_code == 200)


def forget_cached() -> None:
    """As after a restart of Redis."""
    cache.clear()


def test_session_key_is_only_in_the_cookie(person: User) -> None:
    member = factories.member(person=person)
    account: Account = factories.account(member.team)
    store.connection().flushdb()
    client = signed_in(person)
    assert client.get(reverse("dashboard", args=[account.pk])).status_code == 200
    assert client.get(reverse("operations", args=[account.pk])).status_code == 200
    key = key_of(client)
    for model in apps.get_models():
        assert key not in serializers.serialize("json", model._default_manager.all()), model
    redis = store.connection()
    names = list(redis.scan_iter())
    assert any(stored_name(key) in name for name in names)
    assert not any(key in name for name in names)


def test_what_is_stored_opens_no_session(person: User) -> None:
    client = signed_in(person)
    thief = Client()
    for stored in Session.objects.values_list("session_key", flat=True):
        thief.cookies[now.SESSION_COOKIE_NAME] = stored
        assert not is_in(thief)
    assert is_in(client)


@pytest.mark.parametrize("cached", [True, False])
def test_session_is_found_ended_and_replaced_by_its_key(person: User, cached: bool) -> None:
    client = signed_in(person)
    key = key_of(client)
    if not cached:
        forget_cached()
    assert SessionStore().exists(key)
    assert is_in(client)
    client.post("/auth/logout/")
    assert not SessionStore().exists(key)
    thief = Client()
    thief.cookies[now.SESSION_COOKIE_NAME] = key
    assert not is_in(thief)
    assert not Session.objects.filter(session_key=stored_name(key)).exists()


def test_sessions_of_older_versions_stay_valid_and_can_be_ended(person: User) -> None:
    here, other = signed_in(person), signed_in(person)
    keys = [key_of(here), key_of(other)]
    forget_cached()
    for key in keys:
        for model in (Session, UserSession):
            assert model._default_manager.filter(session_key=stored_name(key)).update(session_key=key) == 1
        cache.set(f"{SessionStore.cache_key_prefix}{key}", {"from": "before"})
    import_module("hosting.migrations.0031_session_names").rename(apps, None)
    assert not any(key in name for key in keys for name in store.connection().scan_iter())
    assert is_in(here)
    assert is_in(other)
    here.post("/auth/sessions/others/end/")
    assert is_in(here)
    assert not is_in(other)
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [stored_name(keys[0])]


def test_signing_in_forgets_listed_sessions_that_are_over(person: User) -> None:
    over, foreign = signed_in(person), signed_in(person_with_password())
    SessionStore.end([stored_name(key_of(over))])
    here = signed_in(person)
    listed = set(UserSession.objects.values_list("session_key", flat=True))
    assert listed == {stored_name(key_of(here)), stored_name(key_of(foreign))}
