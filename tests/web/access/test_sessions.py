"""Sessions: people see where they are signed in and can end their other sessions."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.test import Client

from hosting.teams.models import User
from hosting.web.access.browsers import browser_of
from safekeeping.sessions import stored_name
from tests.web.access.signing_in import PASSWORD, person_with_password, sign_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:141.0) Gecko/20100101 Firefox/141.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture
def person() -> User:
    return person_with_password()


def browser(person: User, user_agent: str) -> Client:
    client = Client(headers={"User-Agent": user_agent})
    assert sign_in(client, person.email, PASSWORD) == "/"
    return client


def session_of(client: Client) -> UserSession:
    return UserSession.objects.get(session_key=stored_name(str(client.session.session_key)))


def test_ended_session_is_signed_out_at_its_next_request(person: User) -> None:
    here, phone = browser(person, FIREFOX), browser(person, PHONE)
    page = here.get("/auth/sessions/").content.decode()
    assert "Firefox on Windows" in page
    assert "Safari on iPhone" in page
    assert page.index("This session") < page.index("Safari on iPhone")
    assert here.post(f"/auth/sessions/{session_of(phone).pk}/end/").status_code == 303
    assert phone.get("/me/").status_code == 302
    assert phone.post("/auth/sessions/others/end/").status_code == 302
    assert here.get("/me/").status_code == 200


def test_end_other_sessions_ends_all_but_the_current_one(person: User) -> None:
    here, phone, tablet = (browser(person, FIREFOX), browser(person, PHONE), browser(person, PHONE))
    stranger = browser(person_with_password(), FIREFOX)
    here.post("/auth/sessions/others/end/")
    assert [client.get("/me/").status_code for client in (here, phone, tablet, stranger)] == [200, 302, 302, 200]


def test_session_of_another_person_is_not_found(person: User) -> None:
    stranger = browser(person_with_password(), FIREFOX)
    here = browser(person, FIREFOX)
    assert here.post(f"/auth/sessions/{session_of(stranger).pk}/end/").status_code == 404
    assert stranger.get("/me/").status_code == 200


def test_signing_out_removes_the_session_from_the_list(person: User) -> None:
    here, phone = browser(person, FIREFOX), browser(person, PHONE)
    phone.post("/auth/logout/")
    assert "Safari on iPhone" not in here.get("/auth/sessions/").content.decode()


def test_password_change_removes_other_sessions_from_the_list(person: User) -> None:
    here, phone = browser(person, FIREFOX), browser(person, PHONE)
    new = {"oldpassword": PASSWORD, "password1": "an0ther-long-one", "password2": "an0ther-long-one"}
    here.post("/auth/password/change/", new)
    page = here.get("/auth/sessions/").content.decode()
    assert "Firefox on Windows" in page
    assert "Safari on iPhone" not in page
    assert phone.get("/me/").status_code == 302


def test_session_list_uses_a_fixed_number_of_queries(
    person: User, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
) -> None:
    here = browser(person, FIREFOX)
    for _ in range(4):
        browser(person, PHONE)
    with django_assert_max_num_queries(6):
        assert here.get("/auth/sessions/").content.decode().count("Safari on iPhone") == 8


def test_migration_carries_over_existing_people_and_sessions(person: User) -> None:
    upgrade = import_module("hosting.migrations.0018_signin")
    here, before = browser(person, FIREFOX), browser(person, PHONE)
    shouted = User.objects.create_user("caps@example.org")
    User.objects.filter(pk=shouted.pk).update(email="Caps@Example.org")
    UserSession.objects.all().delete()
    EmailAddress.objects.all().delete()
    upgrade.trust_addresses(apps, None)
    upgrade.list_sessions(apps, None)
    assert EmailAddress.objects.get(user=person).verified
    assert EmailAddress.objects.get(user=shouted).email == "caps@example.org"
    assert sign_in(Client(), person.email, PASSWORD) == "/"
    here.post("/auth/sessions/others/end/")
    assert before.get("/me/").status_code == 302


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Linux"),
        ("curl/8.5", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_browser_name_is_read_from_the_user_agent(user_agent: str, words: str) -> None:
    assert str(browser_of(user_agent)) == words
