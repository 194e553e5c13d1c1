"""How many mails a person may cause in a day, whichever page they use, and what they see when these are used up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people.models import Invitation
from hosting.web.access import mail_budget
from tests import factories
from tests.web.access.signing_in import PASSWORD, code, with_app
from tests.web.access.test_second_factors import ACTIVATE, secret_on
from tests.web.access.test_sign_up import NEW, link

pytestmark = pytest.mark.django_db(transaction=True)
USED_UP = "You&#x27;ve reached today&#x27;s limit of 3 emails"
USED_UP_HERE = "Too many emails were requested from your network today"


@pytest.fixture(autouse=True)
def three_a_day(settings: Settings) -> None:
    settings.MAILS_A_DAY = 3
    settings.SIGN_UP = "open"
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(settings.ACCOUNT_RATE_LIMITS)


@pytest.fixture
def client(owner: Membership) -> Client:
    owner.user.set_password(PASSWORD)
    owner.user.save()
    client = Client()
    client.force_login(owner.user)
    return client


def use_up(client: Client) -> None:
    for number in range(3):
        client.post("/auth/email/", {"action_add": "", "email": f"new-{number}@example.org"})
    assert len(mail.outbox) == 3


def add_address(client: Client, owner: Membership) -> str:
    return client.post("/auth/email/", {"action_add": "", "email": "one-more@example.org"}).content.decode()


def resend_confirmation(client: Client, owner: Membership) -> str:
    data = {"action_send": "", "email": "new-2@example.org"}
    return client.post("/auth/email/", data, follow=True).content.decode()


def activate_app(client: Client, owner: Membership) -> str:
    secret = secret_on(client.get(ACTIVATE).content.decode())
    return client.post(ACTIVATE, {"code": code(secret)}, follow=True).content.decode()


def remove_app(client: Client, owner: Membership) -> str:
    with_app(owner.user)
    return client.post("/auth/2fa/totp/deactivate/", follow=True).content.decode()


def renew_codes(client: Client, owner: Membership) -> str:
    with_app(owner.user)
    return client.post("/auth/2fa/recovery-codes/generate/", follow=True).content.decode()


def invite(client: Client, owner: Membership) -> str:
    data = {"email": "x@example.org", "role": "viewer", "reach": "all", "days": 7}
    return client.post(reverse("invite", args=[owner.team_id]), data).content.decode()


def resend_invitation(client: Client, owner: Membership) -> str:
    invitation = factories.invitation(owner.team, by=owner)
    Invitation.objects.update(sent_at=datetime.now(UTC) - timedelta(hours=1))
    url = reverse("invitation_resend", args=[owner.team_id, invitation.pk])
    return client.post(url, follow=True).content.decode()


@pytest.mark.parametrize(
    "send",
    [add_address, resend_confirmation, activate_app, remove_app, renew_codes, invite, resend_invitation],
)
def test_no_page_sends_a_mail_once_the_day_is_used_up(
    client: Client, owner: Membership, send: Callable[[Client, Membership], str]
) -> None:
    use_up(client)
    assert USED_UP in send(client, owner)
    assert len(mail.outbox) == 3
    assert AuditEntry.objects.filter(action="page.refused", detail__reason="mails").exists()


@pytest.mark.parametrize("send", [add_address, renew_codes, invite, resend_invitation])
def test_every_page_counts_its_mail(
    client: Client, owner: Membership, send: Callable[[Client, Membership], str]
) -> None:
    assert USED_UP not in send(client, owner)
    for number in range(2):
        client.post("/auth/email/", {"action_add": "", "email": f"new-{number}@example.org"})
    assert len(mail.outbox) == 3
    assert USED_UP in add_address(client, owner)


def test_adding_and_removing_addresses_all_day_sends_a_limited_number_of_mails(
    client: Client, owner: Membership
) -> None:
    for number in range(10):
        email = f"new-{number}@example.org"
        client.post("/auth/email/", {"action_add": "", "email": email})
        client.post("/auth/email/", {"action_send": "", "email": email})
        client.post("/auth/email/", {"action_remove": "", "email": email})
    # The last of them says that the address which waited is gone.
    assert len(mail.outbox) <= 4


def test_budget_begins_anew_the_next_day(client: Client, owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    use_up(client)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    monkeypatch.setattr(mail_budget, "datetime", type("Clock", (), {"now": staticmethod(lambda _zone: tomorrow)}))
    assert USED_UP not in add_address(client, owner)
    assert len(mail.outbox) == 4


def test_others_have_a_budget_of_their_own(client: Client, owner: Membership) -> None:
    use_up(client)
    other = Client()
    other.force_login(factories.user())
    other.post("/auth/email/", {"action_add": "", "email": "mine@example.org"})
    assert mail.outbox[-1].to == ["mine@example.org"]


def test_password_can_be_changed_and_its_owner_is_told_when_the_day_is_used_up(
    client: Client, owner: Membership
) -> None:
    use_up(client)
    new = {"oldpassword": PASSWORD, "password1": "an0ther-long-one", "password2": "an0ther-long-one"}
    client.post("/auth/password/change/", new)
    assert "was changed" in mail.outbox[-1].subject


def test_link_in_a_mail_works_when_the_day_is_used_up(client: Client, owner: Membership) -> None:
    use_up(client)
    client.post(link(str(mail.outbox[-1].body)))
    assert EmailAddress.objects.get(user=owner.user, verified=True).email == "new-2@example.org"


@pytest.mark.parametrize("known", [True, False])
def test_visitors_are_counted_by_address_and_learn_nothing_about_addresses(known: bool) -> None:
    email = factories.user().email if known else "nobody@example.org"
    here, elsewhere = Client(REMOTE_ADDR="192.0.2.7"), Client(REMOTE_ADDR="192.0.2.8")
    for _ in range(3):
        assert here.post("/auth/password/reset/", {"email": email}).status_code == 302
    assert USED_UP_HERE in here.post("/auth/password/reset/", {"email": email}).content.decode()
    assert USED_UP_HERE in here.post("/auth/signup/", {**NEW, "email": email}).content.decode()
    assert len(mail.outbox) == 3
    assert elsewhere.post("/auth/password/reset/", {"email": email}).status_code == 302
    assert len(mail.outbox) == 4


def test_signing_in_with_an_unconfirmed_address_sends_nothing_when_the_day_is_used_up() -> None:
    visitor = Client()
    for number in range(3):
        visitor.post("/auth/signup/", {**NEW, "email": f"ada-{number}@example.org"})
    assert len(mail.outbox) == 3
    answer = visitor.post("/auth/login/", {"login": "ada-0@example.org", "password": PASSWORD})
    assert answer["Location"] == "/auth/confirm-email/"
    assert len(mail.outbox) == 3
    assert not Authenticator.objects.exists()
