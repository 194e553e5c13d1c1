"""`next` names a path of this panel, whoever reads it: the sign-in, allauth's pages, forms, the language."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as now
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.models import Membership, User
from hosting.web.answers import errors
from hosting.web.answers.following import is_path
from tests import factories
from tests.web.access.signing_in import PASSWORD, code, person_with_password, sign_in, stale, with_app
from tests.web.access.test_sign_up import NEW, link

pytestmark = pytest.mark.django_db
GOOD = "/accounts/?page=2"
# All of these name this panel, or one of its other names, or are taken for a host by some browser.
BAD = [
    "http://testserver/accounts/",
    "https://testserver/accounts/",
    "http://testserver:8443/accounts/",
    "http://other.example/accounts/",
    "https://other.example/accounts/",
    "//testserver/accounts/",
    "//other.example/accounts/",
    "///other.example/accounts/",
    "/\\other.example/accounts/",
    "\\\\other.example/accounts/",
    "/\t/other.example/accounts/",
    "/\r\n/other.example/accounts/",
    "/accounts/\x00",
    "/accounts/\x85",
    "/accounts/\\..\\..",
    " /accounts/",
    "accounts/",
    "home",
    "javascript:alert(1)",
    "/" + "x" * 3_000,
]


@pytest.fixture(autouse=True)
def several_names(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "other.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://other.example"]
    settings.SIGN_UP = "open"


@pytest.fixture
def person(db: None) -> User:
    person = person_with_password()
    factories.account(factories.member(person=person).team)
    return person


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def by_password(person: User, following: str) -> str:
    return sign_in(Client(), person.email, PASSWORD, next=following)


def by_address_of_the_sign_in(person: User, following: str) -> str:
    client = Client()
    data = {"login": person.email, "password": PASSWORD}
    return str(client.post("/auth/login/", data, query_params={"next": following})["Location"])


def by_second_factor(person: User, following: str) -> str:
    with_app(person)
    client = Client()
    sign_in(client, person.email, PASSWORD, next=following)
    return str(client.post("/auth/2fa/authenticate/", {"code": code()})["Location"])


def already_signed_in(person: User, following: str) -> str:
    return str(signed_in(person).get("/auth/login/", {"next": following})["Location"])


def by_sign_up_when_signed_in(person: User, following: str) -> str:
    return str(signed_in(person).get("/auth/signup/", {"next": following})["Location"])


def by_confirming_a_new_address(person: User, following: str) -> str:
    client = Client()
    client.post("/auth/signup/", {**NEW, "next": following})
    return str(client.post(link(str(mail.outbox[-1].body)), {"next": following})["Location"])


def by_signing_out(person: User, following: str) -> str:
    return str(signed_in(person).post("/auth/logout/", {"next": following})["Location"])


def by_reauthentication(person: User, following: str) -> str:
    data = {"password": PASSWORD, "next": following}
    return str(signed_in(person).post("/auth/reauthenticate/", data)["Location"])


def by_code(person: User, following: str) -> str:
    with_app(person)
    return str(signed_in(person).post("/auth/2fa/reauthenticate/", {"code": code(), "next": following})["Location"])


def by_a_way_that_is_not_available(person: User, following: str) -> str:
    """Leads to another way to reauthenticate, which gets the same `next`."""
    answer = signed_in(person).get("/auth/2fa/webauthn/reauthenticate/", {"next": following})
    return parse_qs(urlsplit(str(answer["Location"])).query).get("next", ["/"])[0]


def by_changing_the_password(person: User, following: str) -> str:
    new = {"oldpassword": PASSWORD, "password1": "an0ther-long-one", "password2": "an0ther-long-one"}
    return str(signed_in(person).post("/auth/password/change/", {**new, "next": following})["Location"])


def by_a_reset_link(person: User, following: str) -> str:
    client = Client()
    client.post("/auth/password/reset/", {"email": person.email})
    form = str(client.get(link(str(mail.outbox[-1].body)))["Location"])
    new = {"password1": "an0ther-long-one", "password2": "an0ther-long-one", "next": following}
    return str(client.post(form, new)["Location"])


def by_language(person: User, following: str) -> str:
    answer = Client().post(reverse("set_language"), {"language": "fr", "next": following}, headers={"Referer": "/x"})
    assert answer.cookies[now.LANGUAGE_COOKIE_NAME].value == "fr"
    return str(answer["Location"])


def by_opening_the_choice_of_language(person: User, following: str) -> str:
    return str(Client().get(reverse("set_language"), {"next": following})["Location"])


def by_a_form(person: User, following: str) -> str:
    return str(signed_in(person).post("/me/", {"name": "Ada", "next": following})["Location"])


def by_a_button_of_an_account(person: User, following: str) -> str:
    account = Account.objects.get(team__memberships__user=person)
    return str(signed_in(person).post(reverse("refresh", args=[account.pk]), {"next": following})["Location"])


def by_a_button_that_asks_to_reauthenticate(person: User, following: str) -> str:
    client = signed_in(person)
    stale(client)
    team_id = Membership.objects.get(user=person).team_id
    answer = client.post(reverse("team_approvals_decide", args=[team_id]), {"next": following})
    return parse_qs(urlsplit(str(answer["Location"])).query)["next"][0]


def by_the_address_bar(person: User, following: str) -> str:
    client = signed_in(person)
    stale(client)
    team_id = Membership.objects.get(user=person).team_id
    headers = {"HX-Request": "true", "HX-Current-URL": following}
    answer = client.post(reverse("team_approvals_decide", args=[team_id]), headers=headers)
    return parse_qs(urlsplit(str(answer["HX-Redirect"])).query)["next"][0]


WAYS: list[Callable[[User, str], str]] = [
    by_password,
    by_address_of_the_sign_in,
    by_second_factor,
    already_signed_in,
    by_sign_up_when_signed_in,
    by_confirming_a_new_address,
    by_signing_out,
    by_reauthentication,
    by_code,
    by_a_way_that_is_not_available,
    by_changing_the_password,
    by_a_reset_link,
    by_language,
    by_a_form,
    by_a_button_of_an_account,
    by_a_button_that_asks_to_reauthenticate,
]


@pytest.mark.parametrize("way", WAYS)
def test_next_leads_to_a_path_of_the_panel(person: User, way: Callable[[User, str], str]) -> None:
    assert way(person, GOOD) == GOOD


@pytest.mark.parametrize("way", [*WAYS, by_opening_the_choice_of_language])
@pytest.mark.parametrize("bad", BAD[4:5] + BAD[6:7] + BAD[8:9] + BAD[10:11])
def test_next_leads_nowhere_else(person: User, way: Callable[[User, str], str], bad: str) -> None:
    to = way(person, bad)
    assert is_path(to), to
    assert "other.example" not in to


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("way", [by_password, by_a_form, by_language])
def test_everything_but_a_path_is_refused(person: User, way: Callable[[User, str], str], bad: str) -> None:
    assert way(person, bad) in {"/", "/me/"}


@pytest.mark.parametrize("shown", ["http://[", "http://x\\evil.example", "//evil.example", "http://x//evil.example/"])
def test_address_bar_names_a_path_of_the_panel(person: User, shown: str) -> None:
    assert by_the_address_bar(person, "http://testserver/accounts/?page=2") == GOOD
    assert is_path(by_the_address_bar(person, shown))
    assert "evil" not in by_the_address_bar(person, shown)


def test_unavailable_page_links_to_no_other_host() -> None:
    request = RequestFactory().get("/")
    request.path = "//other.example/"
    assert "other.example" not in errors.unavailable(request).content.decode()


def test_only_one_module_follows_next() -> None:
    reading = re.compile(r"""url_has_allowed_host_and_scheme|(GET|POST)(\.get\(|\[)["']next["']|HX-Current-URL""")
    found = {
        str(file.relative_to(now.BASE_DIR))
        for folder in ("hosting/web", "panel")
        for file in (now.BASE_DIR / Path(folder)).rglob("*.py")
        if reading.search(file.read_text())
    }
    assert found == {"hosting/web/answers/following.py"}
