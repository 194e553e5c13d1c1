"""Signing up, email addresses and passwords: the forms, the mails, and what they must not reveal."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import User
from tests import factories
from tests.web.access.signing_in import PASSWORD, person_with_password, sign_in, stale

pytestmark = pytest.mark.django_db
NEW = {"name": "Ada", "email": "ada@example.org", "password1": PASSWORD, "password2": PASSWORD}


@pytest.fixture
def opened(settings: Settings) -> None:
    settings.SIGN_UP = "open"


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects one entry per hashed password."""
    found: list[str] = []
    encode = MD5PasswordHasher.encode

    def count(self: MD5PasswordHasher, password: str, salt: str) -> Any:
        found.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", count)
    return found


def link(body: str) -> str:
    return urlsplit(next(word for word in body.split() if "/auth/" in word)).path


def test_sign_up_needs_an_invitation_by_default(client: Client) -> None:
    assert "Sign-up is by invitation only" in client.get("/auth/signup/").content.decode()
    assert "Sign-up is by invitation only" in client.post("/auth/signup/", NEW).content.decode()
    assert not User.objects.exists()


def test_new_user_must_confirm_their_address_before_signing_in(opened: None, client: Client) -> None:
    assert client.post("/auth/signup/", NEW)["Location"] == "/auth/confirm-email/"
    assert User.objects.get().name == "Ada"
    assert client.get("/accounts/").status_code == 302
    assert sign_in(Client(), NEW["email"], PASSWORD) == "/auth/confirm-email/"
    page = link(str(mail.outbox[0].body))
    # Opening the link does not confirm the address, because mail programs open links too.
    assert "Is <bdi>ada@example.org</bdi> yours?" in client.get(page).content.decode()
    assert sign_in(Client(), NEW["email"], PASSWORD) == "/auth/confirm-email/"
    client.post(page)
    assert sign_in(Client(), NEW["email"], PASSWORD) == "/"


def test_sign_up_form_keeps_the_input_and_marks_invalid_fields(opened: None, client: Client) -> None:
    page = client.post("/auth/signup/", {**NEW, "password2": "another"}).content.decode()
    assert 'value="ada@example.org"' in page
    assert 'aria-invalid="true"' in page
    assert PASSWORD not in page


def test_sign_up_does_not_reveal_registered_addresses(opened: None, hashed: list[str]) -> None:
    person_with_password(NEW["email"])
    del hashed[:]
    taken = Client().post("/auth/signup/", NEW)
    work_of_taken = len(hashed)
    fresh = Client().post("/auth/signup/", {**NEW, "email": "new@example.org"})
    assert (taken.status_code, taken["Location"]) == (fresh.status_code, fresh["Location"])
    assert work_of_taken == len(hashed) - work_of_taken
    assert [message.to for message in mail.outbox] == [["ada@example.org"], ["new@example.org"]]
    assert "You already have an account" in str(mail.outbox[0].subject)


def test_sign_in_does_not_reveal_registered_addresses(hashed: list[str]) -> None:
    person, closed = person_with_password(), person_with_password()
    User.objects.filter(pk=closed.pk).update(is_active=False)
    work = []
    for email in (person.email, closed.email, "nobody@example.org"):
        del hashed[:]
        assert "Wrong email address or password" in sign_in(Client(), email, "wrong")
        work.append(len(hashed))
    assert work == [1, 1, 1]


def test_password_reset_does_not_reveal_registered_addresses(hashed: list[str]) -> None:
    person = person_with_password()
    del hashed[:]
    answers = {
        Client().post("/auth/password/reset/", {"email": email})["Location"]
        for email in (person.email, "x@example.org")
    }
    assert answers == {"/auth/password/reset/done/"}
    assert not hashed
    assert [message.to for message in mail.outbox] == [[person.email], ["x@example.org"]]


def test_password_reset_link_works_once_and_ends_all_sessions(client: Client) -> None:
    person = person_with_password()
    sign_in(client, person.email, PASSWORD)
    other = Client()
    other.post("/auth/password/reset/", {"email": person.email})
    page = link(str(mail.outbox[0].body))
    form = other.get(page)["Location"]
    assert page not in form
    other.post(form, {"password1": "an0ther-long-one", "password2": "an0ther-long-one"})
    assert client.get("/me/").status_code == 302
    assert "This link has expired or was already used" in Client().get(page, follow=True).content.decode()
    assert "was reset" in mail.outbox[-1].subject
    assert sign_in(other, person.email, "an0ther-long-one") == "/"


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil.example"])
def test_reset_link_ignores_the_host_headers_of_the_request(settings: Settings, host: str) -> None:
    settings.ALLOWED_HOSTS = ["testserver"]
    person = person_with_password()
    assert Client().post("/auth/password/reset/", {"email": person.email}, headers={"Host": host}).status_code == 400
    assert not mail.outbox
    Client().post("/auth/password/reset/", {"email": person.email}, headers={"X-Forwarded-Host": host})
    assert "evil" not in str(mail.outbox[0].body)


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:alert(1)"]
)
def test_sign_in_does_not_redirect_to_another_site(evil: str) -> None:
    person = person_with_password()
    assert sign_in(Client(), person.email, PASSWORD, next=evil) == "/"
    client = Client()
    client.force_login(person)
    assert "evil" not in client.post("/auth/reauthenticate/", {"password": PASSWORD, "next": evil})["Location"]
    assert "evil" not in client.post("/auth/logout/", {"next": evil})["Location"]


def test_email_address_changes_when_the_new_one_is_confirmed(client: Client) -> None:
    person = person_with_password()
    client.force_login(person)
    client.post("/auth/email/", {"action_add": "", "email": "new@example.org"})
    assert mail.outbox[0].to == ["new@example.org"]
    person.refresh_from_db()
    assert person.email != "new@example.org"
    assert "is waiting to be confirmed" in client.get("/auth/email/").content.decode()
    old = person.email
    client.post(link(str(mail.outbox[0].body)))
    person.refresh_from_db()
    assert person.email == "new@example.org"
    assert mail.outbox[1].to == [old]
    assert "was changed" in mail.outbox[1].subject
    assert sign_in(Client(), "new@example.org", PASSWORD) == "/"
    assert "Wrong" in sign_in(Client(), old, PASSWORD)


def test_person_cannot_take_the_address_of_another_person(client: Client) -> None:
    thief, person = person_with_password(), person_with_password()
    client.force_login(thief)
    answer = client.post("/auth/email/", {"action_add": "", "email": person.email})
    # The answer does not reveal that the address is taken: its owner gets the mail.
    assert answer.status_code == 302
    client.post(link(str(mail.outbox[0].body)))
    thief.refresh_from_db()
    assert thief.email != person.email
    assert EmailAddress.objects.get(email=person.email, verified=True).user == person


def test_confirming_an_address_taken_meanwhile_shows_a_message(opened: None, client: Client) -> None:
    person = person_with_password()
    client.force_login(person)
    client.post("/auth/email/", {"action_add": "", "email": "wanted@example.org"})
    User.objects.create_user("wanted@example.org")
    EmailAddress.objects.filter(email="wanted@example.org").exclude(user=person).update(verified=False)
    answer = client.post(link(str(mail.outbox[0].body)), follow=True)
    assert "belongs to another account" in answer.content.decode()


def test_changing_the_password_ends_the_other_sessions(client: Client) -> None:
    person = person_with_password()
    sign_in(client, person.email, PASSWORD)
    other = Client()
    sign_in(other, person.email, PASSWORD)
    change = {"oldpassword": "wrong", "password1": "an0ther-long-one", "password2": "an0ther-long-one"}
    assert "Wrong password" in client.post("/auth/password/change/", change).content.decode()
    client.post("/auth/password/change/", {**change, "oldpassword": PASSWORD})
    assert client.get("/me/").status_code == 200
    assert other.get("/me/").status_code == 302
    assert "was changed" in mail.outbox[-1].subject


def test_person_can_change_their_name(client: Client) -> None:
    person = factories.user(name="Old")
    client.force_login(person)
    page = client.post("/me/", {"name": "x" * 151})
    assert page.status_code == 422
    client.post("/me/", {"name": "Ada"})
    person.refresh_from_db()
    assert person.name == "Ada"


@pytest.mark.parametrize(
    "name", ["Bob\u202ebsoB", "Sharedeck", "ＳＨＡＲＥＤＥＣＫ", "Ada\x07", "Win at HTTPS://evil.example"]
)
def test_misleading_names_are_refused_and_whitespace_is_normalized(client: Client, name: str) -> None:
    person = factories.user(name="Ada")
    client.force_login(person)
    assert client.post("/me/", {"name": name}).status_code == 422
    client.post("/me/", {"name": " Ada\r\nowner "})
    person.refresh_from_db()
    assert person.name == "Ada owner"


def test_audit_log_tells_people_with_the_same_name_apart(client: Client) -> None:
    owner = factories.member()
    member = factories.member(of=owner.team, person=factories.user("mallory@example.org", name="Mallory"))
    client.force_login(member.user)
    client.post("/me/", {"name": str(owner.user)})
    line = AuditEntry.objects.get(action="person.renamed")
    assert (line.before, line.after) == ({"name": "Mallory"}, {"name": str(owner.user)})
    assert "mallory@example.org" in client.get(f"/teams/{owner.team_id}/audit/").content.decode()


def test_sign_up_mail_does_not_contain_the_submitted_name(opened: None, client: Client) -> None:
    client.post("/auth/signup/", {**NEW, "name": "Win at evil.example"})
    assert "evil" not in str(mail.outbox[0].subject) + str(mail.outbox[0].body)


def test_mails_use_the_language_of_the_request(client: Client) -> None:
    person = person_with_password()
    client.post("/auth/password/reset/", {"email": person.email}, headers={"Accept-Language": "fr"})
    assert "&" not in str(mail.outbox[0].body)
    assert str(mail.outbox[0].subject).startswith("Sharedeck: ")


def test_changing_the_email_address_needs_reauthentication(client: Client) -> None:
    client.force_login(person_with_password())
    stale(client)
    answer = client.post(reverse("account_email"), {"action_add": "", "email": "new@example.org"})
    assert answer.status_code == 303
    assert not mail.outbox
