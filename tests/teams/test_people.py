"""Changing members: who may change whom, and that a team always has an owner."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from hosting.teams import create_team
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.people import invitations, members
from hosting.teams.people.membership_rules import Grant
from hosting.teams.people.models import Invitation
from hosting.teams.rejection import Invalid, Rejected
from hosting.teams.request_origin import NO_ORIGIN
from hosting.teams.roles import NotAllowedError, Role
from hosting.teams.tokens import issuing
from tests import factories
from tests.concurrently import at_once


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


def role_of(member: Membership) -> str:
    return Membership.objects.get(pk=member.pk).role


def narrow(member: Membership, *accounts: int) -> Membership:
    Membership.objects.filter(pk=member.pk).update(narrowed=True)
    member.accounts.set(accounts)
    return Membership.objects.get(pk=member.pk)


def test_member_change_is_recorded_with_before_and_after(owner: Membership) -> None:
    member = factories.member(Role.VIEWER, of=owner.team)
    account = factories.account(owner.team, label="Shop")
    end = timezone.now() + timedelta(days=3)
    members.change(member, Grant(Role.OPERATOR, frozenset({account.pk}), end), by=owner)
    member.refresh_from_db()
    assert (member.role, member.narrowed, member.expires_at) == (Role.OPERATOR, True, end)
    line = AuditEntry.objects.get(action="member.changed")
    assert line.before == {"role": "viewer", "accounts": None, "until": None}
    assert line.after == {"role": "operator", "accounts": ["Shop"], "until": end.isoformat()}


def test_member_cannot_grant_more_than_they_hold(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    member = factories.member(Role.VIEWER, of=owner.team)
    for role in (Role.OWNER, Role.OPERATOR, Role.BILLING):
        with pytest.raises(NotAllowedError):
            members.change(member, Grant(role), by=admin)
    members.change(member, Grant(Role.AUDITOR), by=admin)
    assert role_of(member) == Role.AUDITOR


@pytest.mark.parametrize("role", [Role.OWNER, Role.OPERATOR, Role.BILLING])
def test_member_cannot_change_or_remove_a_more_privileged_member(owner: Membership, role: str) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    more = factories.member(role, of=owner.team)
    with pytest.raises(NotAllowedError):
        members.change(more, Grant(Role.VIEWER), by=admin)
    with pytest.raises(NotAllowedError):
        members.remove(more, by=admin)
    assert role_of(more) == role


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.BILLING, Role.VIEWER, Role.AUDITOR])
def test_changing_members_needs_the_permission_to_manage_people(owner: Membership, role: str) -> None:
    by = factories.member(role, of=owner.team)
    member = factories.member(Role.VIEWER, of=owner.team)
    with pytest.raises(NotAllowedError):
        members.change(member, Grant(Role.VIEWER), by=by)
    with pytest.raises(NotAllowedError):
        members.remove(member, by=by)


def test_narrowed_admin_cannot_manage_members(owner: Membership) -> None:
    account = factories.account(owner.team)
    admin = narrow(factories.member(Role.ADMIN, of=owner.team), account.pk)
    member = factories.member(Role.VIEWER, of=owner.team)
    with pytest.raises(NotAllowedError) as refusal:
        members.remove(member, by=admin)
    assert refusal.value.narrowed


def test_permissions_are_read_again_before_a_change(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    member = factories.member(Role.VIEWER, of=owner.team)
    Membership.objects.filter(pk=admin.pk).update(role=Role.VIEWER)
    with pytest.raises(NotAllowedError):
        members.remove(member, by=admin)


def test_member_or_account_of_another_team_cannot_be_used(owner: Membership) -> None:
    stranger = factories.member(Role.VIEWER)
    with pytest.raises(Rejected):
        members.remove(stranger, by=owner)
    other = factories.account(stranger.team)
    member = factories.member(Role.VIEWER, of=owner.team)
    with pytest.raises(Invalid):
        members.change(member, Grant(Role.VIEWER, frozenset({other.pk})), by=owner)


def test_invalid_grants_are_refused(owner: Membership) -> None:
    member = factories.member(Role.VIEWER, of=owner.team)
    account = factories.account(owner.team)
    later = timezone.now() + timedelta(days=1)
    impossible = [
        (Grant("king"), "role"),
        (Grant(Role.OWNER, None, later), "role"),
        (Grant(Role.OWNER, frozenset({account.pk})), "role"),
        (Grant(Role.VIEWER, frozenset()), "accounts"),
        (Grant(Role.VIEWER, None, timezone.now()), "until"),
    ]
    for grant, field in impossible:
        with pytest.raises(Invalid) as refusal:
            members.change(member, grant, by=owner)
        assert refusal.value.field == field


def test_temporary_member_cannot_grant_a_later_end_than_their_own(owner: Membership) -> None:
    end = timezone.now() + timedelta(days=3)
    admin = factories.member(Role.ADMIN, of=owner.team, expires_at=end)
    member = factories.member(Role.VIEWER, of=owner.team)
    for until in (None, end + timedelta(seconds=1)):
        with pytest.raises(Invalid) as refusal:
            members.change(admin, Grant(Role.ADMIN, until=until), by=admin)
        assert refusal.value.field == "until"
        with pytest.raises(Invalid):
            invitations.invite("new@example.org", Grant(Role.ADMIN, until=until), by=admin)
    with pytest.raises(Invalid):
        issuing.create("for good", by=admin, personal=False, permissions=(), days=4)
    issuing.create("short", by=admin, personal=False, permissions=(), days=2)
    # A permanent membership can be kept permanent.
    members.change(member, Grant(Role.AUDITOR), by=admin)
    assert role_of(member) == Role.AUDITOR


def test_permanent_invitation_is_revoked_when_the_inviter_gets_an_end(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    invitations.invite("new@example.org", Grant(Role.ADMIN), by=admin)
    members.change(admin, Grant(Role.ADMIN, until=timezone.now() + timedelta(days=3)), by=owner)
    assert not Invitation.objects.open().exists()


def test_last_owner_cannot_leave(owner: Membership) -> None:
    with pytest.raises(Rejected):
        members.leave(by=owner)
    with pytest.raises(Rejected):
        members.remove(owner, by=owner)
    with pytest.raises(Rejected):
        members.change(owner, Grant(Role.ADMIN), by=owner)
    factories.member(Role.OWNER, of=owner.team)
    members.leave(by=owner)
    assert not Membership.objects.filter(pk=owner.pk).exists()
    assert AuditEntry.objects.get().action == "member.left"


def test_ownership_can_be_transferred_and_the_old_owner_kept(owner: Membership) -> None:
    account = factories.account(owner.team)
    first = narrow(factories.member(Role.VIEWER, of=owner.team), account.pk)
    members.transfer(first, stay=True, by=owner)
    assert (role_of(owner), role_of(first)) == (Role.OWNER, Role.OWNER)
    second = factories.member(Role.OPERATOR, of=owner.team)
    members.transfer(second, stay=False, by=owner)
    assert (role_of(owner), role_of(second)) == (Role.ADMIN, Role.OWNER)
    with pytest.raises(NotAllowedError):
        members.transfer(factories.member(Role.VIEWER, of=owner.team), stay=False, by=owner)


def test_removing_a_member_revokes_their_invitations(owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    theirs = factories.invitation(owner.team, by=admin)
    of_owner = factories.invitation(owner.team, by=owner)
    members.remove(admin, by=owner)
    assert Invitation.objects.get(pk=theirs.pk).revoked_at
    assert not Invitation.objects.get(pk=of_owner.pk).revoked_at


def test_temporary_membership_ends_in_the_sweep(owner: Membership) -> None:
    now = timezone.now()
    over = factories.member(Role.VIEWER, of=owner.team)
    Membership.objects.filter(pk=over.pk).update(expires_at=now - timedelta(seconds=1))
    later = factories.member(Role.VIEWER, of=owner.team)
    Membership.objects.filter(pk=later.pk).update(expires_at=now + timedelta(days=1))
    members.sweep(now)
    members.sweep(now)
    assert not Membership.objects.filter(pk=over.pk).exists()
    assert Membership.objects.filter(pk=later.pk).exists()
    line = AuditEntry.objects.get()
    assert (line.action, line.actor, line.subject) == ("member.ended", None, over.user.email)


def test_creating_a_team_needs_an_owner_or_open_sign_up(owner: Membership, settings: Settings) -> None:
    nobody = factories.user()
    with pytest.raises(NotAllowedError):
        create_team.create("Mine", person=nobody, via=NO_ORIGIN)
    settings.SIGN_UP = "open"
    made = create_team.create("  Mine   too ", person=nobody, via=NO_ORIGIN)
    assert (made.team.name, made.role) == ("Mine too", Role.OWNER)
    settings.SIGN_UP = "invited"
    assert create_team.create("Second", person=owner.user, via=NO_ORIGIN).team_id != owner.team_id


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\u202eb", "Win at www.evil.example"])
def test_unreadable_team_name_is_refused(owner: Membership, name: str) -> None:
    with pytest.raises(Invalid):
        create_team.create(name, person=owner.user, via=NO_ORIGIN)


def test_only_one_of_two_owners_can_leave_at_the_same_time(transactional_db: None) -> None:
    for _ in range(5):
        team = factories.team()
        both = [factories.member(Role.OWNER, of=team) for _ in range(2)]
        at_once(*(lambda member=member: members.leave(by=member) for member in both), refusals=[Rejected])
        assert Membership.objects.filter(team=team).count() == 1
