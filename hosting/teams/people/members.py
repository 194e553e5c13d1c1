"""The members of a team: change, remove, leave, transfer ownership; end temporary memberships.

Nobody can give permissions that they lack, or change a member who has more than they do. A team always has an owner:
changes that could end that are serialised by a lock on the team's row.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from hosting.jobs import Job, enqueue
from hosting.teams import ownership
from hosting.teams.audit.log import member_ref, record, team_ref
from hosting.teams.models import Membership, Team
from hosting.teams.people import invitations
from hosting.teams.people.membership_rules import (
    Grant,
    as_json,
    grant_of,
    lock_team,
    require_can_give,
    require_can_grant,
)
from hosting.teams.rejection import Rejected
from hosting.teams.roles import NotAllowedError, Permission, Role

_BATCH = 200


def of_team(team: Team) -> list[Membership]:
    """The current members of a team with their accounts, by role and name. Two queries."""
    found = Membership.objects.current().filter(team=team).select_related("user").prefetch_related("accounts")
    places = {role: place for place, role in enumerate(Role.values)}
    return sorted(found, key=lambda member: (places.get(member.role, 99), str(member.user).casefold(), member.pk))


def change(member: Membership, grant: Grant, *, by: Membership) -> None:
    """Change a member's role, the accounts that it covers, and when the membership ends.

    Raises:
        NotAllowedError: the actor does not manage people, lacks a permission of the new role or of the present one.
        Invalid: an invalid grant.
        Rejected: the member has left, or is the last owner.
    """
    with transaction.atomic():
        lock_team(by)
        member = _present(member, by)
        require_can_give(member.role, by)
        before = grant_of(member)
        require_can_grant(grant, by=by, instead_of=before)
        if member.role == Role.OWNER and grant.role != Role.OWNER:
            _require_another_owner(member)
            ownership.note_removal(member, by=by)
        if before == grant:
            return
        _set(member, grant, by=by)
        _after_losing_rights(member, by=by)
        record(
            by.team,
            by=by,
            action="member.changed",
            subject=member.user.email,
            thing=member_ref(member.user_id),
            before=as_json(before, by.team),
            after=as_json(grant, by.team),
        )


def remove(member: Membership, *, by: Membership) -> None:
    """Remove a member from the team, and revoke their open invitations.

    Raises:
        NotAllowedError: the actor does not manage people, or the member has permissions that the actor lacks.
        Rejected: the member has left, or is the last owner.
    """
    with transaction.atomic():
        lock_team(by)
        member = _present(member, by)
        require_can_give(member.role, by)
        _end(member, action="member.removed", by=by)


def leave(*, by: Membership) -> None:
    """Leave the team.

    Raises:
        NotAllowedError: the actor is a token.
        Rejected: the actor is the last owner.
    """
    with transaction.atomic():
        lock_team(by)
        if by.person is None or by.only is not None:
            raise NotAllowedError(Permission.MANAGE_PEOPLE)
        _end(_present(by, by), action="member.left", by=by)


def transfer(member: Membership, *, stay: bool, by: Membership) -> None:
    """Make a member an owner. The actor stays an owner too (`stay`), or becomes an admin.

    Raises:
        NotAllowedError: the actor is not an owner.
        Rejected: the member has left the team, or is an owner already.
    """
    with transaction.atomic():
        lock_team(by)
        require_can_give(Role.OWNER, by)
        new, old = _present(member, by), _present(by, by)
        if new.role == Role.OWNER:
            raise Rejected(_("%(name)s is already an owner."), names={"name": new.user})
        before = {new.user.email: as_json(grant_of(new), by.team), old.user.email: as_json(grant_of(old), by.team)}
        _set(new, Grant(Role.OWNER), by=by)
        if not stay:
            _set(old, Grant(Role.ADMIN), by=by)
        _after_losing_rights(old, by=by)
        record(
            by.team,
            by=by,
            action="team.transferred",
            subject=new.user.email,
            thing=team_ref(by.team_id),
            before=before,
            after={each.user.email: as_json(grant_of(each), by.team) for each in (new, old)},
        )


def sweep(now: datetime) -> None:
    """End temporary memberships that have expired. One query on an index when there are none."""
    over = Membership.objects.filter(expires_at__lte=now).select_related("team", "user")
    for member in over[:_BATCH]:
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=member.team_id)
            # The membership may have been extended meanwhile.
            still = Membership.objects.filter(pk=member.pk, expires_at__lte=now).select_related("team", "user").first()
            if still:
                _end(still, action="member.ended", by=None)


def _present(member: Membership, by: Membership) -> Membership:
    """Read the member again.

    Raises:
        Rejected: they are not in the team any more.
    """
    found = Membership.objects.current().filter(pk=member.pk, team=by.team_id).select_related("team", "user").first()
    if found is None:
        raise Rejected(_("This person is no longer in the team."))
    return found


def is_last_owner(member: Membership) -> bool:
    """Whether the team would have no owner without this member."""
    others = Membership.objects.filter(team=member.team_id, role=Role.OWNER).exclude(pk=member.pk)
    return member.role == Role.OWNER and not others.exists()


def _require_another_owner(member: Membership) -> None:
    if is_last_owner(member):
        raise Rejected(_("A team needs an owner. Transfer ownership to someone else first."), field="role")


def _set(member: Membership, grant: Grant, *, by: Membership) -> None:
    ownership.give_role(member, grant.role, by=by)
    member.narrowed, member.expires_at = grant.accounts is not None, grant.until
    member.save(update_fields=["role", "owner_since", "owner_through", "narrowed", "expires_at"])
    member.accounts.set(grant.accounts or ())


def _end(member: Membership, *, action: str, by: Membership | None) -> None:
    _require_another_owner(member)
    if member.role == Role.OWNER:
        ownership.note_removal(member, by=by)
    before = as_json(grant_of(member), member.team)
    Membership.objects.filter(pk=member.pk).delete()
    _after_losing_rights(member, by=by)
    thing = team_ref(member.team_id)
    record(member.team, by=by, action=action, subject=member.user.email, thing=thing, before=before)


def _after_losing_rights(member: Membership, *, by: Membership | None) -> None:
    """Revoke the member's invitations that they cannot give any more, and refresh the team's open pages."""
    invitations.revoke_unbacked(member.team, member.user_id, by=by)
    enqueue(Job.LOOK_AGAIN, member.team_id)
