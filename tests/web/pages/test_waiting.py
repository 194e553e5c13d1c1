"""Whatever waits for something outside says so after a while: tests of credentials, invitations and mails."""

from datetime import timedelta
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries, Settings

from hosting.accounts import credential_rotation
from hosting.accounts.models import Account, Candidate
from hosting.mail import outbox
from hosting.mail.models import OutgoingMail
from hosting.reading.attention import attention_items, counts
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people import invitations
from hosting.teams.people.membership_rules import Grant
from hosting.teams.people.models import Invitation
from hosting.teams.roles import Role
from tests import factories
from tests.web.views.test_money import words


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def text(client: Client, name: str, *args: int) -> str:
    return words(client.get(reverse(name, args=args)).content.decode())


@pytest.mark.parametrize("trouble", ["", "untested", "credentials"])
@pytest.mark.parametrize("state", ["testing", "unanswered"])
def test_credentials_that_cannot_be_tested_need_attention_after_minutes(
    browser: Client, account: Account, owner: Membership, trouble: str, state: str
) -> None:
    Account.objects.filter(pk=account.pk).update(trouble=trouble)
    credential_rotation.start_test(account, by=owner, password="new-passw0rd")

    def whys() -> list[str]:
        current = Account.objects.select_related("candidate", "endpoint").get(pk=account.pk)
        now = timezone.now()
        found = [matter.why for matter in attention_items(current, by=owner, now=now)]
        assert counts([current], now) == {account.pk: len(found)}
        return found

    Candidate.objects.update(state=state, asked_at=ago(minutes=4))
    assert whys() == []
    Candidate.objects.update(asked_at=ago(minutes=6))
    assert whys() == ["untested"]
    page = text(browser, "attention", account.pk)
    assert "New credentials could not be tested yet" in page
    assert "Sharedeck keeps trying for a day and then deletes them." in page
    account.endpoint.away_since = ago(minutes=9)
    account.endpoint.save()
    assert whys() == ["away"]


@pytest.fixture
def invited(settings: Settings, owner: Membership) -> Invitation:
    """An invitation whose mail is in the outbox."""
    settings.EMAIL_BACKEND = "hosting.mail.backends.Outbox"
    settings.MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return invitations.invite("dora@example.org", Grant(Role.VIEWER), by=owner)


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_arguments: object) -> Any:
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)


UNDELIVERED = "The email could not be delivered."
UNSENT = "The email has not been sent yet"
EXPIRED = "Nobody has accepted it in time."
NO_MAILBOX = SMTPRecipientsRefused({"dora@example.org": (550, b"no such user")})


def send(age: timedelta = timedelta(0)) -> None:
    mail = OutgoingMail.objects.get()
    Invitation.objects.update(sent_at=timezone.now() - age - timedelta(seconds=1))
    OutgoingMail.objects.update(created_at=timezone.now() - age)
    outbox.send(mail.pk)


@pytest.mark.parametrize(
    ("error", "age"), [(NO_MAILBOX, timedelta(0)), (SMTPServerDisconnected("gone"), outbox.LIFE + timedelta(minutes=1))]
)
def test_invitation_whose_mail_was_given_up_says_so(
    browser: Client,
    owner: Membership,
    invited: Invitation,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    age: timedelta,
) -> None:
    assert UNDELIVERED not in text(browser, "team", owner.team_id)
    fail_with(monkeypatch, error)
    send(age)
    assert not OutgoingMail.objects.exists()
    assert UNDELIVERED in text(browser, "team", owner.team_id)
    failed = AuditEntry.objects.get(action="invitation.undelivered")
    assert (failed.subject, failed.actor_id, failed.outcome) == ("dora@example.org", None, "failed")
    assert "1 thing needs attention" in text(browser, "accounts")
    Invitation.objects.update(sent_at=ago(minutes=2))
    invitations.resend(Invitation.objects.get(), by=owner)
    assert UNDELIVERED not in text(browser, "team", owner.team_id)
    assert "needs attention" not in text(browser, "accounts")


def test_failure_of_an_earlier_mail_does_not_count_for_the_later_one(
    browser: Client, owner: Membership, invited: Invitation, monkeypatch: pytest.MonkeyPatch
) -> None:
    OutgoingMail.objects.update(created_at=ago(minutes=2))
    Invitation.objects.update(sent_at=ago(minutes=2))
    earlier = OutgoingMail.objects.get()
    invitations.resend(invited, by=owner)
    fail_with(monkeypatch, NO_MAILBOX)
    outbox.send(earlier.pk)
    assert Invitation.objects.get().mail_failed_at is None


def test_invitation_whose_mail_still_waits_says_so_after_minutes(
    browser: Client, owner: Membership, invited: Invitation
) -> None:
    OutgoingMail.objects.update(created_at=ago(minutes=4))
    assert UNSENT not in text(browser, "team", owner.team_id)
    assert "needs attention" not in text(browser, "accounts")
    OutgoingMail.objects.update(created_at=ago(minutes=6))
    assert UNSENT in text(browser, "team", owner.team_id)
    assert "1 thing needs attention" in text(browser, "accounts")


def test_invitation_that_nobody_answered_in_time_says_so(browser: Client, owner: Membership) -> None:
    factories.invitation(owner.team, by=owner, expires_at=ago(minutes=1))
    assert EXPIRED in text(browser, "team", owner.team_id)
    assert "1 thing needs attention" in text(browser, "accounts")


def test_health_tells_of_mails_that_wait(client: Client, invited: Invitation) -> None:
    assert client.get("/health").content == b"ok"
    OutgoingMail.objects.update(created_at=ago(minutes=6))
    answer = client.get("/health")
    assert answer.status_code == 200
    assert b"Mails have not been sent since" in answer.content
    assert b"dora" not in answer.content


def test_all_accounts_sums_what_needs_attention_and_leads_there(
    browser: Client, account: Account, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    quiet = factories.account(owner.team, label="Quiet")
    other = factories.account(owner.team, label="Other", trouble="handle")
    for each, count in ((account, 2), (other, 1)):
        for _ in range(count):
            factories.operation(each, by=owner, state="failed")
    factories.invitation(owner.team, by=owner, expires_at=ago(minutes=1))
    factories.invitation(owner.team, by=owner)
    page = browser.get(reverse("accounts")).content.decode()
    summary = page[page.index('id="all-matters-title"') : page.index(f'id="team-{owner.team_id}"')]
    assert "5 things need attention" in words(summary)
    for each in (account, other):
        assert reverse("attention", args=[each.pk]) in summary
    assert reverse("attention", args=[quiet.pk]) not in summary
    assert reverse("team", args=[owner.team_id]) in summary


def test_summary_leaves_out_invitations_for_who_does_not_manage_people(client: Client, owner: Membership) -> None:
    factories.invitation(owner.team, by=owner, expires_at=ago(minutes=1))
    client.force_login(factories.member(Role.VIEWER, of=owner.team).user)
    assert "needs attention" not in text(client, "accounts")
