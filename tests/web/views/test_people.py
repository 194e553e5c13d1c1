"""The pages of a team's members and invitations, and the invitation link."""

import re
from datetime import timedelta
from html import escape
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.teams.models import Membership, User
from hosting.teams.people import acceptance, members
from hosting.teams.people.links import Link
from hosting.teams.people.membership_rules import Grant
from hosting.teams.people.models import Invitation
from hosting.teams.request_origin import NO_ORIGIN
from hosting.teams.roles import Role
from tests import factories
from tests.web.browsing import without_isolation

PASSWORD = "a-long-enough-1"


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def text(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return without_isolation(response.content.decode())


def invite(browser: Client, owner: Membership, email: str = "new@example.org", **fields: object) -> str:
    """Send an invitation by the form; return the path of its link."""
    url = reverse("invite", args=[owner.team_id])
    response = browser.post(url, {"email": email, "role": "operator", "reach": "all", **fields})
    assert response.status_code == 303, response.content.decode()
    found = re.search(r"http\S+/invitations/\S+", str(mail.outbox[-1].body))
    assert found
    return urlsplit(found[0]).path


def accept_as_known(person: User) -> Membership:
    """Accept the only invitation as a person who already has a user."""
    [invitation] = acceptance.open_to(person)
    return acceptance.accept(Link(invitation, invitation.nonce), person=person, via=NO_ORIGIN)


def test_team_page_lists_members_with_role_and_end(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, label="Shop")
    member = factories.member(Role.OPERATOR, of=owner.team, person=factories.user(name="Ada"))
    Membership.objects.filter(pk=member.pk).update(narrowed=True, expires_at=timezone.now() + timedelta(days=5))
    member.accounts.add(account)
    factories.invitation(owner.team, by=owner, email="waiting@example.org")
    page = text(browser, reverse("team", args=[owner.team_id]))
    for words in ("Ada", member.user.email, "Operator", "Only for Shop", "Ends on", "waiting@example.org"):
        assert words in page


@pytest.mark.parametrize("count", [1, 30])
def test_team_page_uses_the_same_queries_for_any_number_of_members(
    browser: Client, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for _ in range(count):
        factories.member(Role.VIEWER, of=owner.team)
        factories.invitation(owner.team, by=owner)
    # The person, their memberships; members, their accounts, visible account names; invitations, their accounts, mails;
    # the switcher. For an owner also the second factors of members, and the team's audit log entries.
    with django_assert_num_queries(11):
        browser.get(reverse("team", args=[owner.team_id]))


def test_owner_sees_which_members_have_a_second_factor(browser: Client, owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    url = reverse("team", args=[owner.team_id])
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.TOTP, data={})
    page = text(browser, url)
    assert [page.count(words) for words in ("Two-factor on", "Two-factor off")] == [1, 1]
    assert "second factor" not in text(signed_in(admin), url).partition("<main")[2]


def test_team_and_member_pages_show_their_audit_log_entries(browser: Client, owner: Membership) -> None:
    invite(browser, owner, "ada@example.org")
    member = accept_as_known(factories.user("ada@example.org", name="Ada"))
    other = factories.member(Role.VIEWER, of=owner.team)
    members.change(member, Grant(Role.VIEWER), by=owner)
    members.change(other, Grant(Role.BILLING), by=owner)
    of_team, of_ada, of_other = (
        reverse("team", args=[owner.team_id]),
        reverse("member", args=[owner.team_id, member.pk]),
        reverse("member", args=[owner.team_id, other.pk]),
    )
    page = text(browser, of_team)
    assert "Invited a person" in page
    assert "Joined the team" in page
    assert escape("Changed a member's access") not in page
    page = text(browser, of_ada)
    for words in ("Invited a person", "Joined the team", escape("Changed a member's access"), f"who={member.user_id}"):
        assert words in page
    assert "Billing" not in page.partition("audit-lines-title")[2]
    assert "Joined the team" not in text(browser, of_other)
    for role, sees in ((Role.AUDITOR, True), (Role.VIEWER, False)):
        reader = factories.member(role, of=owner.team)
        assert ("audit-lines-title" in text(signed_in(reader), of_team)) is sees
    narrowed = factories.member(Role.AUDITOR, of=owner.team, narrowed=True)
    assert "audit-lines-title" not in text(signed_in(narrowed), of_team)


def test_viewer_sees_members_but_no_invitations_or_controls(owner: Membership, account: Account) -> None:
    factories.invitation(owner.team, by=owner, email="waiting@example.org")
    page = text(signed_in(factories.member(Role.VIEWER, of=owner.team)), reverse("team", args=[owner.team_id]))
    assert owner.user.email in page
    assert "waiting@example.org" not in page
    assert escape("Your role can't manage members.") in page
    assert reverse("invite", args=[owner.team_id]) not in page
    assert reverse("team_leave", args=[owner.team_id]) in page


def test_admin_cannot_grant_or_change_more_than_they_hold(owner: Membership) -> None:
    admin = signed_in(factories.member(Role.ADMIN, of=owner.team))
    form = text(admin, reverse("invite", args=[owner.team_id]))
    assert 'value="viewer"' in form
    assert 'value="operator"' not in form
    assert "This role has more permissions than yours." in text(admin, reverse("team", args=[owner.team_id]))
    assert admin.get(reverse("member", args=[owner.team_id, owner.pk])).status_code == 403
    assert admin.post(reverse("member_remove", args=[owner.team_id, owner.pk])).status_code == 403
    forged = {"email": "x@example.org", "role": "owner", "reach": "all"}
    assert admin.post(reverse("invite", args=[owner.team_id]), forged).status_code == 422
    assert not Invitation.objects.exists()


def test_owner_changes_role_accounts_and_end_of_a_member(browser: Client, owner: Membership, account: Account) -> None:
    member = factories.member(Role.VIEWER, of=owner.team)
    day = timezone.localdate() + timedelta(days=2)
    fields = {"role": "billing", "reach": "some", "accounts": [account.pk], "until": day.isoformat()}
    assert browser.post(reverse("member", args=[owner.team_id, member.pk]), fields).status_code == 303
    member.refresh_from_db()
    assert (member.role, member.narrowed) == (Role.BILLING, True)
    assert member.expires_at
    assert timezone.localtime(member.expires_at).date() == day
    again = {**fields, "accounts": []}
    page = browser.post(reverse("member", args=[owner.team_id, member.pk]), again)
    assert page.status_code == 422
    assert "Choose at least one account." in page.content.decode()


def test_account_of_another_team_cannot_be_granted(browser: Client, owner: Membership, account: Account) -> None:
    member = factories.member(Role.VIEWER, of=owner.team)
    other = factories.account(factories.team())
    fields = {"role": "viewer", "reach": "some", "accounts": [other.pk]}
    assert browser.post(reverse("member", args=[owner.team_id, member.pk]), fields).status_code == 422


def test_member_or_invitation_of_another_team_is_not_found(browser: Client, owner: Membership) -> None:
    stranger = factories.member()
    theirs = factories.invitation(stranger.team, by=stranger)
    for name, pk in (("member", stranger.pk), ("member_remove", stranger.pk)):
        assert browser.get(reverse(name, args=[owner.team_id, pk])).status_code == 404
    for name in ("invitation_resend", "invitation_revoke"):
        assert browser.post(reverse(name, args=[owner.team_id, theirs.pk])).status_code == 404


def test_removed_member_is_refused_at_their_next_request(browser: Client, owner: Membership, account: Account) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    at_work = signed_in(member)
    servers = reverse("servers", args=[account.pk])
    shown = re.search(r'data-version="([^"]+)"', text(at_work, servers))
    assert shown
    assert browser.post(reverse("member_remove", args=[owner.team_id, member.pk])).status_code == 303
    text(at_work, servers, 404)
    # An open page polls again after the version changes; on a 404 the browser reloads it.
    versions.bump_all(owner.team_id)
    versions.publish(account.pk, account.version + 1)
    poll = at_work.get(servers, headers={"HX-Request": "true", "X-Sharedeck-Version": shown[1]})
    assert poll.status_code == 404
    text(at_work, reverse("team", args=[owner.team_id]), 404)
    assert "You are not in a team yet" in text(at_work, "/")


def test_last_owner_is_told_why_they_cannot_leave(browser: Client, owner: Membership) -> None:
    assert "Transfer ownership to someone else first" in text(browser, reverse("team", args=[owner.team_id]))
    page = browser.post(reverse("team_leave", args=[owner.team_id]))
    assert page.status_code == 422
    assert "Transfer ownership to someone else first" in page.content.decode()


def test_owner_transfers_the_team_and_leaves(browser: Client, owner: Membership) -> None:
    new = factories.member(Role.VIEWER, of=owner.team)
    url = reverse("team_transfer", args=[owner.team_id])
    assert browser.post(url, {"to": new.pk, "stay": "admin"}).status_code == 303
    new.refresh_from_db()
    assert new.role == Role.OWNER
    assert browser.get(url).status_code == 403
    assert browser.post(reverse("team_leave", args=[owner.team_id])).status_code == 303
    assert not Membership.objects.filter(pk=owner.pk).exists()


def test_new_person_joins_by_invitation_while_sign_up_is_closed(browser: Client, owner: Membership) -> None:
    path = invite(browser, owner)
    client = Client()
    page = text(client, path)
    assert "new@example.org" in page
    assert 'name="email"' not in page
    weak = client.post(path, {"name": "Ada", "password": "short", "again": "other"})
    assert weak.status_code == 422
    answer = client.post(path, {"name": "Ada", "password": PASSWORD, "again": PASSWORD, "email": "evil@example.org"})
    assert answer["Location"] == reverse("team", args=[owner.team_id])
    member = Membership.objects.get(user__email="new@example.org")
    assert (member.role, member.user.name) == (Role.OPERATOR, "Ada")
    assert "joined the team" in text(client, answer["Location"])
    # A used link redirects the new member to the team; everyone else gets 410.
    assert client.get(path)["Location"] == answer["Location"]
    assert "already been accepted" in text(Client(), path, 410)


def test_invited_person_with_a_user_signs_in_and_returns_to_the_invitation(browser: Client, owner: Membership) -> None:
    person = factories.user("known@example.org")
    person.set_password(PASSWORD)
    person.save()
    path = invite(browser, owner, "Known@Example.org")
    client = Client()
    page = text(client, path)
    assert 'name="password"' not in page
    to_sign_in = re.search(r'href="(/auth/login/[^"]+)"', page)
    assert to_sign_in
    assert client.post(path, {"name": "x", "password": PASSWORD, "again": PASSWORD}).status_code == 200
    assert User.objects.filter(email__iexact="known@example.org").count() == 1
    answer = client.post(to_sign_in[1], {"login": person.email, "password": PASSWORD})
    assert answer["Location"] == path
    assert "Join the team" in text(client, path)
    assert client.post(path).status_code == 303
    assert Membership.objects.filter(user=person, team=owner.team).exists()


def test_invitation_of_another_person_is_refused(browser: Client, owner: Membership) -> None:
    path = invite(browser, owner)
    other = factories.user()
    client = Client()
    client.force_login(other)
    assert "This invitation is for new@example.org" in text(client, path, 403)
    assert client.post(path).status_code == 403
    assert not Membership.objects.filter(user=other).exists()


def test_invalid_invitation_link_says_why(browser: Client, owner: Membership) -> None:
    path = invite(browser, owner)
    invitation = Invitation.objects.get()
    assert "This link is incomplete" in text(Client(), path[:-3] + "/", 404)
    Invitation.objects.update(expires_at=timezone.now())
    text(Client(), path, 410)
    assert "has expired" in text(Client(), path, 410)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(minutes=2))
    assert browser.post(reverse("invitation_resend", args=[owner.team_id, invitation.pk])).status_code == 303
    assert "A newer email replaced this link" in text(Client(), path, 410)
    browser.post(reverse("invitation_revoke", args=[owner.team_id, invitation.pk]))
    assert "was revoked" in text(Client(), path, 410)


def test_person_without_a_team_sees_invitations_for_their_address(browser: Client, owner: Membership) -> None:
    path = invite(browser, owner, "known@example.org")
    client = Client()
    person = factories.user("known@example.org")
    client.force_login(person)
    from allauth.account.models import EmailAddress

    EmailAddress.objects.filter(user=person).delete()
    assert path not in text(client, "/")
    EmailAddress.objects.create(user=person, email=person.email, verified=True)
    assert path in text(client, "/")


def test_team_is_created_and_renamed(browser: Client, owner: Membership, settings: Settings) -> None:
    settings.SIGN_UP = "invited"
    answer = browser.post(reverse("team_new"), {"name": "Second"})
    assert answer.status_code == 303
    assert "Second" in text(browser, answer["Location"])
    url = answer["Location"] + "settings/"
    assert browser.post(url, {"name": "Third", "bulk_at_once": 8}).status_code == 303
    assert "Third" in text(browser, url)
    nobody = Client()
    nobody.force_login(factories.user())
    assert nobody.get(reverse("team_new")).status_code == 403
    settings.SIGN_UP = "open"
    assert nobody.get(reverse("team_new")).status_code == 200


def test_menus_link_to_each_team_of_the_person(browser: Client, owner: Membership, account: Account) -> None:
    other = factories.member(Role.VIEWER, person=owner.user)
    for url in (reverse("dashboard", args=[account.pk]), reverse("accounts"), reverse("team", args=[other.team_id])):
        page = text(browser, url)
        for team_id in (owner.team_id, other.team_id):
            assert reverse("team", args=[team_id]) in page
