"""Invitations: the mail, who can use the link, and when it stops working."""

import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone, translation
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people import acceptance, invitations, links, members
from hosting.teams.people.acceptance import KnownAddressError, OtherAddressError
from hosting.teams.people.links import Closed, ClosedError, Link
from hosting.teams.people.membership_rules import Grant
from hosting.teams.people.models import Invitation
from hosting.teams.rejection import Invalid, Rejected
from hosting.teams.request_origin import NO_ORIGIN
from hosting.teams.roles import NotAllowedError, Role
from tests import factories

EMAIL = "new@example.org"


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


def last_link() -> Link:
    """The link of the latest mail."""
    address = re.search(r"^http\S+/invitations/\S+$", str(mail.outbox[-1].body), re.MULTILINE)
    assert address
    link = links.read(urlsplit(address[0]).path.split("/")[-2])
    assert link
    return link


def closed(link: Link) -> Closed | None:
    """Why the link is closed now, or None if it is open."""
    return Link(Invitation.objects.get(pk=link.invitation.pk), link.nonce).closed()


def join(link: Link, email: str = EMAIL) -> Membership:
    return acceptance.accept(link, person=factories.user(email), via=NO_ORIGIN)


def test_mail_names_inviter_team_and_role_and_links_to_the_panel_url(owner: Membership, settings: Settings) -> None:
    settings.PANEL_URL = "https://panel.example/"
    invitations.invite("New@Example.org", Grant(Role.OPERATOR), by=owner)
    (sent,) = mail.outbox
    assert sent.to == [EMAIL]
    assert owner.team.name in sent.subject
    text = str(sent.body)
    assert owner.user.email in text
    assert "Operator" in text
    assert "https://panel.example/invitations/" in text
    assert "&" not in text


def test_mail_uses_the_language_of_the_inviter(owner: Membership) -> None:
    with translation.override("fr"):
        invitations.invite(EMAIL, Grant(Role.BILLING), by=owner)
    assert "Facturation" in str(mail.outbox[0].body)


def test_link_secret_is_not_stored(owner: Membership) -> None:
    invitation = invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    token = links.path_to(invitation).split("/")[-2]
    assert token in str(mail.outbox[0].body)
    row = str(Invitation.objects.values().get())
    assert token.rpartition(":")[2] not in row
    assert token not in str(list(AuditEntry.objects.values()))
    assert links.read(token[:-1]) is None
    assert links.read("nonsense") is None


def test_accepting_grants_the_invited_role_accounts_and_end(owner: Membership) -> None:
    account = factories.account(owner.team, label="Shop")
    factories.account(owner.team, label="Other")
    until = timezone.now() + timedelta(days=20)
    invitations.invite(EMAIL, Grant(Role.OPERATOR, frozenset({account.pk}), until), by=owner)
    member = join(last_link())
    assert (member.role, member.expires_at) == (Role.OPERATOR, until)
    assert [each.label for each in Account.objects.visible_to(member)] == ["Shop"]
    assert AuditEntry.objects.get(action="member.joined").after == {
        "role": "operator",
        "accounts": ["Shop"],
        "until": until.isoformat(),
    }


def test_new_person_gets_a_user_with_a_verified_address(owner: Membership) -> None:
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    member = acceptance.accept_as_new(last_link(), name="Ada", password="a-long-enough-1", via=NO_ORIGIN)
    assert member.user.check_password("a-long-enough-1")
    address = EmailAddress.objects.get(user=member.user)
    assert (address.email, address.verified, address.primary) == (EMAIL, True, True)


def test_known_address_gets_no_second_user(owner: Membership) -> None:
    factories.user("NEW@example.org".lower())
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    with pytest.raises(KnownAddressError):
        acceptance.accept_as_new(last_link(), name="Ada", password="a-long-enough-1", via=NO_ORIGIN)


def test_invitation_cannot_be_accepted_by_another_person(owner: Membership) -> None:
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    with pytest.raises(OtherAddressError):
        join(last_link(), "other@example.org")
    assert closed(last_link()) is None


def test_link_works_once(owner: Membership) -> None:
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    link = last_link()
    member = join(link)
    with pytest.raises(ClosedError) as refusal:
        acceptance.accept(link, person=member.user, via=NO_ORIGIN)
    assert refusal.value.closed == Closed.ACCEPTED


def test_link_expires_no_later_than_the_membership(owner: Membership) -> None:
    soon = timezone.now() + timedelta(days=2)
    short = invitations.invite("short@example.org", Grant(Role.VIEWER, None, soon), by=owner)
    assert short.expires_at == soon
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    link = last_link()
    Invitation.objects.update(expires_at=timezone.now())
    assert closed(link) == Closed.EXPIRED
    # The address can be invited again.
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    assert closed(last_link()) is None


def test_link_lifetime_can_be_set_and_restarts_when_resent(owner: Membership) -> None:
    day = invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner, days=1)
    assert day.expires_at - day.sent_at == timedelta(days=1)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(days=3), expires_at=timezone.now() - timedelta(days=2))
    assert closed(last_link()) == Closed.EXPIRED
    invitations.resend(day, by=owner)
    day.refresh_from_db()
    assert day.expires_at - day.sent_at == pytest.approx(timedelta(days=1), abs=timedelta(seconds=5))
    for days in (0, 91):
        with pytest.raises(Invalid) as refusal:
            invitations.invite("other@example.org", Grant(Role.VIEWER), by=owner, days=days)
        assert refusal.value.field == "days"


def test_resending_replaces_the_earlier_link(owner: Membership) -> None:
    invitation = invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    first = last_link()
    with pytest.raises(Rejected):
        invitations.resend(invitation, by=owner)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    invitations.resend(invitation, by=owner)
    assert closed(first) == Closed.REPLACED
    assert join(last_link()).role == Role.VIEWER


def test_revoked_link_does_not_work(owner: Membership) -> None:
    invitation = invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    invitations.revoke(invitation, by=owner)
    assert closed(last_link()) == Closed.REVOKED
    with pytest.raises(Rejected):
        invitations.revoke(invitation, by=owner)


def test_inviter_cannot_grant_more_than_they_hold(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    with pytest.raises(NotAllowedError):
        invitations.invite(EMAIL, Grant(Role.OPERATOR), by=admin)
    with pytest.raises(NotAllowedError):
        invitations.invite(EMAIL, Grant(Role.VIEWER), by=factories.member(Role.OPERATOR, of=owner.team))
    promised = invitations.invite(EMAIL, Grant(Role.OPERATOR), by=owner)
    for act in (invitations.resend, invitations.revoke):
        with pytest.raises(NotAllowedError):
            act(promised, by=admin)
    assert len(mail.outbox) == 1


def test_invitation_is_revoked_when_the_inviter_loses_the_permission(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    invitations.invite(EMAIL, Grant(Role.ADMIN), by=admin)
    link = last_link()
    members.change(admin, Grant(Role.VIEWER), by=owner)
    assert closed(link) == Closed.REVOKED
    with pytest.raises(ClosedError):
        join(link)


def test_address_is_invited_once_regardless_of_case(owner: Membership) -> None:
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    with pytest.raises(Invalid):
        invitations.invite("NEW@EXAMPLE.ORG ", Grant(Role.VIEWER), by=owner)
    with pytest.raises(Invalid):
        invitations.invite(owner.user.email.upper(), Grant(Role.VIEWER), by=owner)


def test_accepting_does_not_change_an_existing_member(owner: Membership) -> None:
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    already = factories.member(Role.OPERATOR, of=owner.team, person=factories.user(EMAIL))
    joined = acceptance.accept(last_link(), person=already.user, via=NO_ORIGIN)
    assert (joined.pk, joined.role) == (already.pk, Role.OPERATOR)


def test_invitation_mails_are_limited_per_day(owner: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    monkeypatch.setattr(invitations, "AGAIN_AFTER", timedelta(0))
    invitation = invitations.invite("person@example.net", Grant(Role.VIEWER), by=owner)
    invitations.resend(invitation, by=owner)
    with pytest.raises(Rejected, match="tomorrow"):
        invitations.resend(invitation, by=owner)
    with pytest.raises(Rejected, match="tomorrow"):
        invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)


def test_team_name_cannot_inject_mail_headers(owner: Membership) -> None:
    owner.team.name = "A\nBcc: all@example.org"
    owner.team.save()
    owner = Membership.objects.get(pk=owner.pk)
    invitations.invite(EMAIL, Grant(Role.VIEWER), by=owner)
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].bcc == []
