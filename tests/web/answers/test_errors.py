"""Error pages: in the panel's look, without the database and Redis, and with what to do next."""

from collections.abc import Callable

import pytest
import redis
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.teams.roles import Permission, Role
from hosting.web.answers import errors
from hosting.web.wording.permissions import PERMISSION_WORDS
from tests import factories
from tests.web.pages.test_every_page import check

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (errors.bad_request, 400),
        (errors.csrf_failure, 403),
        (errors.not_found, 404),
        (lambda request: errors.not_allowed(request, "POST"), 405),
        (errors.too_many, 429),
        (errors.failed, 500),
        (errors.unavailable, 503),
    ],
)
def test_an_error_page_needs_no_database_no_redis_and_no_person(
    view: Callable[..., HttpResponse], status: int, settings: Settings
) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}}
    page = view(RequestFactory().get("/"))
    assert page.status_code == status
    check(str(status), page.content.decode())
    assert f"Error {status}" in page.content.decode()
    message = view(RequestFactory().get("/", headers=HTMX))
    assert message.status_code == status
    assert message.content.decode().lstrip().startswith('<div class="toast-line toast-error">')
    assert "<html" not in message.content.decode()


def test_a_refusal_names_the_permission_the_roles_and_the_people(
    client: Client, account: Account, owner: Membership
) -> None:
    owner.user.name = "Olga Owner"
    owner.user.save()
    factories.member(Role.OWNER, person=factories.user(name="Stranger"))
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    for url in (reverse("shares_add", args=[account.pk]), reverse("connect")):
        response = client.get(url)
        page = response.content.decode()
        assert response.status_code == 403
        check(url, page)
        assert "Ask an owner of the team to change your role: Olga Owner." in page
        assert "Stranger" not in page
    page = client.get(reverse("shares_add", args=[account.pk])).content.decode()
    assert "spend money" in page
    assert "Owner, Billing" in page
    assert reverse("dashboard", args=[account.pk]) in page


def test_every_permission_has_words() -> None:
    assert set(PERMISSION_WORDS) == set(Permission)


def test_a_button_s_address_that_is_opened_says_so(browser: Client, account: Account) -> None:
    response = browser.get(reverse("refresh", args=[account.pk]))
    assert (response.status_code, response["Allow"]) == (405, "POST")
    check("405", response.content.decode())


@pytest.mark.parametrize("error", [OperationalError("database is locked"), redis.ConnectionError("gone")])
def test_a_change_that_cannot_be_saved_says_so_and_when_to_try_again(
    browser: Client, account: Account, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise error

    vm = factories.vm(account)
    monkeypatch.setattr("hosting.web.pages.submitting.submit", refuse)
    browser.raise_request_exception = False
    url = reverse("server_stop", args=[account.pk, vm.remote_id])
    response = browser.post(url)
    page = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert "The panel can&#x27;t save changes right now" in page
    assert "list of operations before you try again" in page
    assert str(error) not in page
    assert "toast-error" in browser.post(url, headers=HTMX).content.decode()


@pytest.mark.django_db
def test_signing_in_while_redis_is_away_is_no_mystery(client: Client, settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}}
    client.raise_request_exception = False
    response = client.post("/auth/login/", {"login": "a@example.org", "password": "a-secret-1"})
    assert response.status_code == 503
    page = response.content.decode()
    check("503", page)
    assert "Wait half a minute, then try again" in page
    assert "a-secret-1" not in page


def test_a_page_without_a_database_is_drawn_all_the_same(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_arguments: object) -> None:
        raise OperationalError("no database")

    monkeypatch.setattr("hosting.web.views.health.connection.cursor", away, raising=False)
    client.raise_request_exception = False
    response = client.get("/health")
    assert response.status_code == 503
    check("503", response.content.decode())


def test_an_action_while_the_provider_is_away_is_refused_in_clear_words(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    account.endpoint.away_since = timezone.now()
    account.endpoint.save()
    stop = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), follow=True).content.decode()
    assert "Nothing was sent or queued. Try again later." in stop
    typed = {"product_name": "shares", "quantity": 2, "duration": "1m"}
    bought = browser.post(reverse("shares_add", args=[account.pk]), typed)
    assert bought.status_code == 422
    assert "Nothing was sent or queued" in bought.content.decode()


def test_too_many_attempts_have_the_panel_s_page(db: None, client: Client) -> None:
    for number in range(11):
        response = client.post("/auth/password/reset/", {"email": f"guess-{number}@example.org"})
    assert response.status_code == 429
    check("429", response.content.decode())


def test_an_unsound_form_says_so_to_a_person_and_to_htmx(account: Account, owner: Membership) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user)
    url = reverse("refresh", args=[account.pk])
    assert "This form has expired" in strict.post(url).content.decode()
    assert "toast-error" in strict.post(url, headers=HTMX).content.decode()
