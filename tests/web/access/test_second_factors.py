"""Second factors: codes, recovery codes and what is kept of them."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as now
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from hosting.accounts.sealing import unseal
from hosting.teams.models import User
from tests.web.access.signing_in import PASSWORD, SECRET, code, person_with_password, sign_in, stale, with_app

pytestmark = pytest.mark.django_db
ACTIVATE, SECOND = "/auth/2fa/totp/activate/", "/auth/2fa/authenticate/"


@pytest.fixture
def person() -> User:
    return person_with_password()


def codes_of(person: User) -> list[str]:
    found: list[str] = Authenticator.objects.get(user=person, type="recovery_codes").wrap().get_unused_codes()
    return found


def secret_on(page: str) -> str:
    found = re.search(r'id="totp-secret">([A-Z2-7 ]+)<', page)
    assert found
    return found[1].replace(" ", "")


@pytest.mark.django_db(transaction=True)
def test_an_app_is_turned_on_by_its_first_code_and_its_key_is_sealed(person: User, client: Client) -> None:
    client.force_login(person)
    secret = secret_on(client.get(ACTIVATE).content.decode())
    assert secret not in str(client.session.items())
    page = client.post(ACTIVATE, {"code": "abcdef"}).content.decode()
    assert secret_on(page) == secret
    assert client.post(ACTIVATE, {"code": code(secret)})["Location"] == "/auth/2fa/recovery-codes/"
    rows = {row.type: row.data for row in Authenticator.objects.filter(user=person)}
    assert unseal(rows["totp"]["secret"]) == secret
    assert secret not in json.dumps(rows)
    assert secret not in "".join(str(row.get_decoded()) for row in Session.objects.all())
    assert "authenticator app was set up" in mail.outbox[-1].subject


@pytest.mark.django_db(transaction=True)
def test_recovery_codes_are_shown_once_and_kept_sealed(person: User, client: Client) -> None:
    with_app(person)
    client.force_login(person)
    codes = codes_of(person)
    page = client.get("/auth/2fa/recovery-codes/").content.decode()
    assert all(one in page for one in codes)
    assert 'download="sharedeck-recovery-codes.txt"' in page
    again = client.get("/auth/2fa/recovery-codes/").content.decode()
    assert not any(one in again for one in codes)
    data = json.dumps(Authenticator.objects.get(user=person, type="recovery_codes").data)
    assert not any(one in data for one in codes)
    client.post("/auth/2fa/recovery-codes/generate/")
    assert not set(codes_of(person)) & set(codes)
    assert "recovery codes" in mail.outbox[-1].subject


def test_the_second_factor_is_asked_for_after_the_password(person: User, client: Client) -> None:
    with_app(person)
    assert sign_in(client, person.email, PASSWORD, next="/me/") == SECOND
    assert client.get("/me/").status_code == 302
    assert "This code is wrong" in client.post(SECOND, {"code": "abcdef"}).content.decode()
    assert client.post(SECOND, {"code": code()})["Location"] == "/me/"
    assert client.get("/me/").status_code == 200


def test_a_code_opens_once(person: User) -> None:
    with_app(person)
    seen = code()
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client, person.email, PASSWORD)
    assert first.post(SECOND, {"code": seen}).status_code == 302
    assert "This code is wrong" in second.post(SECOND, {"code": seen}).content.decode()


def test_a_recovery_code_opens_once(person: User) -> None:
    with_app(person)
    spare = codes_of(person)[0]
    for expected in (302, 200):
        client = Client()
        sign_in(client, person.email, PASSWORD)
        assert client.post(SECOND, {"code": spare}).status_code == expected
    assert len(codes_of(person)) == 9


def test_the_session_is_a_new_one_once_both_factors_are_given(person: User, client: Client) -> None:
    with_app(person)
    client.get("/auth/login/")
    keys = []
    sign_in(client, person.email, PASSWORD)
    keys.append(client.cookies[now.SESSION_COOKIE_NAME].value)
    client.post(SECOND, {"code": code()})
    keys.append(client.cookies[now.SESSION_COOKIE_NAME].value)
    assert keys[0] != keys[1]


def test_no_page_of_a_person_opens_between_the_factors(person: User, client: Client) -> None:
    with_app(person)
    sign_in(client, person.email, PASSWORD)
    for path in ("/", "/me/", "/auth/2fa/", "/auth/2fa/totp/deactivate/", "/auth/email/", "/auth/password/change/"):
        assert client.get(path)["Location"].startswith("/auth/login/"), path
    assert "Two-factor authentication" in client.get(SECOND).content.decode()


def test_a_code_proves_who_it_is_as_well(person: User, client: Client) -> None:
    with_app(person)
    client.force_login(person)
    stale(client)
    assert client.get("/auth/email/").status_code == 302
    assert (
        client.post("/auth/2fa/reauthenticate/", {"code": code(), "next": "/auth/email/"})["Location"] == "/auth/email/"
    )
    assert client.get("/auth/email/").status_code == 200


def test_removing_the_app_takes_a_proof_and_is_told(person: User, client: Client) -> None:
    with_app(person)
    client.force_login(person)
    stale(client)
    client.post("/auth/2fa/totp/deactivate/")
    assert Authenticator.objects.filter(user=person, type="totp").exists()
    client.force_login(person)
    client.post("/auth/reauthenticate/", {"password": PASSWORD})
    client.post("/auth/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=person).exists()
    assert "removed" in mail.outbox[-1].subject


def test_the_key_of_somebody_else_does_not_exist(person: User, client: Client) -> None:
    key = Authenticator.objects.create(user=person_with_password(), type="webauthn", data={"name": "Key"})
    client.force_login(person)
    for action in ("edit", "remove"):
        assert client.post(f"/auth/2fa/webauthn/keys/{key.pk}/{action}/", {"name": "x"}).status_code == 404
    assert Authenticator.objects.filter(pk=key.pk, data__name="Key").exists()


@pytest.mark.parametrize("credential", ["", "{}", "[]", "null", "0", '{"response": {"userHandle": "x"}}', "no json"])
def test_nonsense_for_a_passkey_is_no_error(client: Client, person: User, credential: str) -> None:
    assert client.post("/auth/2fa/webauthn/login/", {"credential": credential}).status_code in {200, 302}
    client.force_login(person)
    assert client.post("/auth/2fa/webauthn/add/", {"credential": credential}).status_code == 200
    assert not Authenticator.objects.exists()


def test_the_app_gets_the_address_as_its_label(person: User, client: Client) -> None:
    client.force_login(person)
    response = client.get(ACTIVATE)
    assert response.context["totp_url"].startswith("otpauth://totp/")
    assert "issuer=Sharedeck" in response.context["totp_url"]
    assert SECRET not in response.content.decode()
