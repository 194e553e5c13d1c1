"""Signing in: what an attacker can learn, and whom an attacker can lock out."""

import runpy
from pathlib import Path

import pytest
from django.conf import settings as now
from django.test import Client
from pytest_django import Settings

from hosting.teams.models import Membership
from tests import factories

PASSWORD = "a-long-enough-1"


def sign_in(client: Client, email: str, password: str, seen_by_the_proxy: str = "") -> str:
    headers = {"X-Forwarded-For": seen_by_the_proxy} if seen_by_the_proxy else {}
    response = client.post("/auth/login/", {"login": email, "password": password}, headers=headers)
    return "in" if response.status_code == 302 else response.content.decode()


@pytest.mark.django_db
def test_rate_limit_behind_a_proxy_counts_the_real_client_address(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS", "1")
    behind_a_proxy = runpy.run_path(str(Path(now.BASE_DIR) / "panel" / "settings.py"))
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = behind_a_proxy["ALLAUTH_TRUSTED_PROXY_COUNT"]
    person = factories.user()
    person.set_password(PASSWORD)
    person.save()
    for number in range(31):
        sign_in(Client(), f"guess-{number}@example.org", "wrong", f"192.0.2.{number}, 198.51.100.1")
    assert "Too many" in sign_in(Client(), person.email, PASSWORD, "198.51.100.1")
    assert sign_in(Client(), person.email, PASSWORD, "198.51.100.2") == "in"


@pytest.mark.django_db
def test_forwarded_address_is_ignored_without_a_proxy() -> None:
    answers = [sign_in(Client(), f"guess-{number}@example.org", "wrong", f"192.0.2.{number}") for number in range(31)]
    assert "Too many" in answers[-1]


@pytest.mark.django_db
def test_wrong_password_and_unknown_address_show_the_same_error() -> None:
    person = factories.user()
    person.set_password(PASSWORD)
    person.save()

    def errors(email: str) -> str:
        return sign_in(Client(), email, "wrong").split('role="alert">')[1].split("</div>")[0]

    assert errors(person.email) == errors("nobody@example.org")


@pytest.mark.django_db
def test_signing_in_starts_a_new_session() -> None:
    person = factories.user()
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.session["planted"] = True
    planted = client.session
    planted.save()
    client.cookies[now.SESSION_COOKIE_NAME] = str(planted.session_key)
    assert sign_in(client, person.email, PASSWORD) == "in"
    assert client.cookies[now.SESSION_COOKIE_NAME].value != planted.session_key


def test_unconfirmed_address_does_not_replace_the_current_one(browser: Client, owner: Membership) -> None:
    for action in ("action_add", "action_primary"):
        browser.post("/auth/email/", {action: "", "email": "boss@example.org"})
    owner.user.refresh_from_db()
    assert owner.user.email != "boss@example.org"


@pytest.mark.parametrize("url", ["/auth/login/", "/auth/password/reset/", "/auth/logout/", "/auth/password/change/"])
def test_sign_in_and_password_pages_open_when_signed_in(owner: Membership, url: str) -> None:
    owner.user.set_password(PASSWORD)
    owner.user.save()
    client = Client()
    assert sign_in(client, owner.user.email, PASSWORD) == "in"
    assert client.get(url, follow=True).status_code == 200
