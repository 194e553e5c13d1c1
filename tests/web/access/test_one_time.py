"""What works once works once on every path: codes of apps, recovery codes, and links in mails."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import pytest
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from hosting.teams.models import Membership, User
from hosting.teams.people import invitations, links, members
from hosting.teams.people.membership_rules import Grant
from hosting.teams.people.models import Invitation
from hosting.teams.roles import Role
from hosting.web.access import one_time
from tests.concurrently import at_once
from tests.web.access.signing_in import PASSWORD, SECRET, person_with_password, sign_in, with_app
from tests.web.access.test_second_factors import ACTIVATE, SECOND, codes_of, secret_on
from tests.web.access.test_sign_up import link

pytestmark = pytest.mark.django_db
REAUTHENTICATE = "/auth/2fa/reauthenticate/"
NEW_PASSWORD = {"password1": "an0ther-long-one", "password2": "an0ther-long-one"}
STEP_S = 30


class Clock:
    """The time that codes depend on. It stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def code(self, secret: str = SECRET) -> str:
        shown: str = totp.format_hotp_value(totp.hotp_value(secret, int(self.now) // STEP_S))
        return shown


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(totp, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def person() -> User:
    return person_with_password()


def sign_in_with(person: User, code: str) -> bool:
    client = Client()
    sign_in(client, person.email, PASSWORD)
    return client.post(SECOND, {"code": code}).status_code == 302


def reauthenticate_with(person: User, code: str) -> bool:
    client = Client()
    client.force_login(person)
    return client.post(REAUTHENTICATE, {"code": code}).status_code == 302


def activate(person: User, clock: Clock) -> str:
    """Set up an app, and return its key."""
    client = Client()
    client.force_login(person)
    secret = secret_on(client.get(ACTIVATE).content.decode())
    assert client.post(ACTIVATE, {"code": clock.code(secret)}).status_code == 302
    return secret


@pytest.mark.parametrize("again", [sign_in_with, reauthenticate_with])
def test_code_that_activated_an_app_is_not_accepted_again(
    person: User, clock: Clock, again: Callable[[User, str], bool]
) -> None:
    secret = activate(person, clock)
    assert not again(person, clock.code(secret))
    clock.now += STEP_S
    assert again(person, clock.code(secret))


@pytest.mark.parametrize("first", [sign_in_with, reauthenticate_with])
@pytest.mark.parametrize("again", [sign_in_with, reauthenticate_with])
def test_accepted_code_is_refused_on_every_path_also_after_the_cache_was_lost(
    person: User, clock: Clock, first: Callable[[User, str], bool], again: Callable[[User, str], bool]
) -> None:
    with_app(person)
    assert first(person, clock.code())
    cache.clear()
    assert not again(person, clock.code())
    clock.now += STEP_S
    assert again(person, clock.code())


def test_code_of_an_earlier_step_is_refused_after_a_later_one(person: User, clock: Clock, settings: Settings) -> None:
    with_app(person)
    settings.MFA_TOTP_TOLERANCE = 1
    earlier = clock.code()
    clock.now += STEP_S
    assert sign_in_with(person, clock.code())
    assert not sign_in_with(person, earlier)


def test_refused_code_leaves_the_next_one_usable(person: User, clock: Clock) -> None:
    with_app(person)
    assert sign_in_with(person, clock.code())
    assert not sign_in_with(person, clock.code())
    clock.now += STEP_S
    assert sign_in_with(person, clock.code())


@pytest.mark.parametrize("again", [sign_in_with, reauthenticate_with])
def test_recovery_code_is_refused_on_every_path_once_used(person: User, again: Callable[[User, str], bool]) -> None:
    with_app(person)
    spare, other = codes_of(person)[:2]
    assert reauthenticate_with(person, spare)
    assert not again(person, spare)
    assert again(person, other)


@pytest.mark.django_db(transaction=True)
def test_two_uses_of_one_code_at_once_succeed_once(person: User, clock: Clock) -> None:
    app = Authenticator.objects.get(user=with_app(person), type="totp")
    results = at_once(*[lambda: one_time.spend_code(app, clock.code())] * 2)
    assert sorted(map(bool, results)) == [False, True]


def enter_at_once(person: User, *codes: str) -> list[bool]:
    """Whether each code was accepted, entered in a browser of its own in which the password was accepted before."""
    browsers = [Client() for _ in codes]
    for browser in browsers:
        sign_in(browser, person.email, PASSWORD)

    def enter(browser: Client, code: str) -> bool:
        return browser.post(SECOND, {"code": code}).status_code == 302

    return [bool(each) for each in at_once(*map(partial, [enter] * len(codes), browsers, codes))]


@pytest.mark.django_db(transaction=True)
def test_two_uses_of_one_recovery_code_at_once_succeed_once(person: User, clock: Clock) -> None:
    with_app(person)
    for code in codes_of(person)[:4]:
        assert sorted(enter_at_once(person, code, code)) == [False, True]


@pytest.mark.django_db(transaction=True)
def test_recovery_codes_used_at_once_are_all_used_up(person: User, clock: Clock) -> None:
    with_app(person)
    codes = codes_of(person)[:3]
    assert all(enter_at_once(person, *codes))
    assert not any(sign_in_with(person, code) for code in codes)


@pytest.mark.django_db(transaction=True)
def test_reset_link_used_twice_at_once_sets_one_password(person: User) -> None:
    for number in range(4):
        person.refresh_from_db()
        key = default_token_generator.make_token(person)
        chosen = [f"chosen-passw0rd-{number}-{each}" for each in range(2)]
        results = at_once(
            *(partial(one_time.spend_reset_link, person, key, password) for password in chosen),
            refusals=[one_time.UsedError],
        )
        person.refresh_from_db()
        assert [result is None for result in results] == [person.check_password(password) for password in chosen]
        assert sum(result is None for result in results) == 1


def test_reset_link_opened_twice_sets_one_password(person: User) -> None:
    Client().post("/auth/password/reset/", {"email": person.email})
    mailed = link(str(mail.outbox[0].body))
    first, second = Client(), Client()
    forms = [(client, client.get(mailed)["Location"]) for client in (first, second)]
    assert first.post(forms[0][1], NEW_PASSWORD).status_code == 302
    other = {"password1": "a-third-long-0ne", "password2": "a-third-long-0ne"}
    assert "already used" in second.post(forms[1][1], other).content.decode()
    assert sign_in(Client(), person.email, NEW_PASSWORD["password1"]) == "/"


def test_reset_link_used_between_check_and_change_changes_nothing(
    person: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    Client().post("/auth/password/reset/", {"email": person.email})
    client = Client()
    form = client.get(link(str(mail.outbox[0].body)))["Location"]
    spend = one_time.spend_reset_link

    def overtaken(user: User, key: str, password: str) -> None:
        spend(user, key, "a-third-long-0ne")
        spend(user, key, password)

    monkeypatch.setattr(one_time, "spend_reset_link", overtaken)
    assert "already used" in client.post(form, NEW_PASSWORD).content.decode()
    assert sign_in(Client(), person.email, "a-third-long-0ne") == "/"


def test_using_one_reset_link_ends_the_others(person: User) -> None:
    for _ in range(2):
        Client().post("/auth/password/reset/", {"email": person.email})
    first, second = (link(str(message.body)) for message in mail.outbox)
    client = Client()
    client.post(client.get(first)["Location"], NEW_PASSWORD)
    assert "already used" in Client().get(second, follow=True).content.decode()


def test_confirmation_link_works_once_and_for_its_address_only(person: User, client: Client) -> None:
    client.force_login(person)
    for email in ("first@example.org", "second@example.org"):
        client.post("/auth/email/", {"action_add": "", "email": email})
    first, second = (link(str(message.body)) for message in mail.outbox[:2])
    assert client.post(first).status_code == 404
    assert client.post(second).status_code == 302
    assert client.post(second).status_code == 404
    confirmed = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    assert list(confirmed) == ["second@example.org"]


def test_accepted_invitation_does_not_bring_a_removed_member_back(person: User, owner: Membership) -> None:
    invitation = invitations.invite(person.email, Grant(Role.VIEWER), by=owner)
    page = links.path_to(Invitation.objects.get(pk=invitation.pk))
    client = Client()
    client.force_login(person)
    assert client.post(page).status_code == 303
    members.remove(Membership.objects.get(user=person), by=owner)
    client.post(page)
    assert not Membership.objects.filter(user=person).exists()
