"""Rate limits: guessing passwords never locks a person out of a browser they have used."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.conf import settings as now
from django.core import mail, signing
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from hosting.teams.models import User
from hosting.web.access import devices
from tests.web.access.signing_in import PASSWORD, code, person_with_password, sign_in, stale, with_app

pytestmark = pytest.mark.django_db
TOO_MANY = "Too many failed attempts"


@pytest.fixture
def person() -> User:
    return person_with_password()


@pytest.fixture
def own_browser(person: User) -> Client:
    """A browser in which the person has signed in and out."""
    client = Client()
    assert sign_in(client, person.email, PASSWORD) == "/"
    client.post("/auth/logout/")
    return client


def guess(person: User, client: Client | None = None, times: int = 6) -> str:
    client = client or Client()
    return [sign_in(client, person.email, f"wrong-{number}") for number in range(times)][-1]


def test_guessing_a_password_does_not_lock_out_a_known_browser(person: User, own_browser: Client) -> None:
    assert TOO_MANY in guess(person)
    assert TOO_MANY in sign_in(Client(), person.email, PASSWORD)
    assert sign_in(own_browser, person.email, PASSWORD) == "/"


def test_guessing_from_the_same_network_does_not_lock_out_a_known_browser(person: User, own_browser: Client) -> None:
    for number in range(11):
        sign_in(Client(), f"guess-{number}@example.org", "wrong")
    assert TOO_MANY in sign_in(Client(), person.email, PASSWORD)
    assert sign_in(own_browser, person.email, PASSWORD) == "/"


def test_known_browser_has_its_own_limit_that_locks_out_no_other_browser(person: User, own_browser: Client) -> None:
    assert TOO_MANY in guess(person, own_browser)
    assert TOO_MANY in sign_in(own_browser, person.email, PASSWORD)
    assert sign_in(Client(), person.email, PASSWORD) == "/"


def test_browser_is_known_only_for_the_person_who_signed_in(person: User, own_browser: Client) -> None:
    colleague = person_with_password()
    assert TOO_MANY in guess(colleague)
    assert TOO_MANY in sign_in(own_browser, colleague.email, PASSWORD)
    forged = Client()
    forged.cookies[devices.COOKIE] = signing.dumps({str(colleague.pk): "x"}, salt="another", key="guessed")
    assert TOO_MANY in sign_in(forged, colleague.email, PASSWORD)


def test_browser_is_known_for_each_person_who_signed_in(person: User, own_browser: Client) -> None:
    colleague = person_with_password()
    assert sign_in(own_browser, colleague.email, PASSWORD) == "/"
    own_browser.post("/auth/logout/")
    guess(person)
    assert sign_in(own_browser, person.email, PASSWORD) == "/"


def test_known_browser_cookie_grants_no_access_and_is_hidden_from_scripts(person: User, own_browser: Client) -> None:
    cookie = own_browser.cookies[devices.COOKIE]
    before = cookie.value
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/auth/"
    assert cookie["max-age"] == 365 * 24 * 3600
    bare = Client()
    bare.cookies[devices.COOKIE] = before
    assert bare.get("/accounts/").status_code == 302
    sign_in(own_browser, person.email, PASSWORD)
    assert own_browser.cookies[devices.COOKIE].value != before


def test_person_can_sign_in_after_a_password_reset_despite_guessing(person: User) -> None:
    guess(person)
    client = Client()
    client.post("/auth/password/reset/", {"email": person.email})
    link = next(word for word in str(mail.outbox[0].body).split() if "/reset/key/" in word)
    form = client.get(urlsplit(link).path)["Location"]
    client.post(form, {"password1": "an0ther-long-one", "password2": "an0ther-long-one"})
    guess(person, times=3)
    assert sign_in(client, person.email, "an0ther-long-one") == "/"


def test_two_factor_codes_are_rate_limited_per_person(person: User) -> None:
    with_app(person)
    client = Client()
    assert sign_in(client, person.email, PASSWORD) == "/auth/2fa/authenticate/"
    for number in range(5):
        assert (
            "This code is wrong" in client.post("/auth/2fa/authenticate/", {"code": f"00000{number}"}).content.decode()
        )
    # The limit also applies to another browser and another network.
    other = Client(REMOTE_ADDR="198.51.100.9")
    assert sign_in(other, person.email, PASSWORD) == "/auth/2fa/authenticate/"
    assert TOO_MANY in other.post("/auth/2fa/authenticate/", {"code": code()}).content.decode()


def reset(client: Client, number: int) -> int:
    return client.post("/auth/password/reset/", {"email": f"somebody-{number}@example.org"}).status_code


def sign_up(client: Client, number: int) -> int:
    return client.post("/auth/signup/", {"email": f"somebody-{number}@example.org"}).status_code


def confirm(client: Client, number: int) -> int:
    return client.post(f"/auth/confirm-email/guess-{number}/").status_code


def set_password(client: Client, number: int) -> int:
    return client.post(f"/auth/password/reset/key/1-guess-{number}/").status_code


def passkey(client: Client, number: int) -> int:
    return client.post("/auth/2fa/webauthn/login/", {"credential": "{}"}).status_code


@pytest.mark.parametrize("entry", [reset, sign_up, confirm, set_password, passkey])
def test_every_public_form_is_rate_limited(settings: Settings, entry: Callable[[Client, int], int]) -> None:
    settings.SIGN_UP = "open"
    answers = [entry(Client(), number) for number in range(11)]
    assert 429 not in answers[:10]
    assert answers[10] == 429


def test_reauthentication_is_rate_limited(person: User) -> None:
    client = Client()
    client.force_login(person)
    stale(client)
    answers = [client.post("/auth/reauthenticate/", {"password": "wrong"}) for _ in range(11)]
    assert TOO_MANY in answers[5].content.decode()
    assert answers[10].status_code == 429
    cache.clear()
    guess(person)
    assert client.post("/auth/reauthenticate/", {"password": PASSWORD}).status_code == 302


def test_mails_to_one_address_are_limited_without_changing_the_answer(settings: Settings, person: User) -> None:
    answers = {
        Client(REMOTE_ADDR=f"192.0.2.{n}").post("/auth/password/reset/", {"email": person.email})["Location"]
        for n in range(7)
    }
    assert answers == {"/auth/password/reset/done/"}
    assert len(mail.outbox) == 4


def test_known_browser_cookie_is_secure_when_tls_is_on(settings: Settings, person: User) -> None:
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    sign_in(client, person.email, PASSWORD)
    assert client.cookies[devices.COOKIE]["secure"]
    assert now.SESSION_COOKIE_HTTPONLY
