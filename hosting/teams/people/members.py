"""Who is in a team: members change, leave, are removed; ownership moves; temporary memberships end by themselves.

Nobody gives what they lack, nor touches somebody who holds more than they do. A team always has an owner: what could
end that happens one after the other, under a lock on the team's row.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from hosting.jobs import Job, ask
from hosting.teams.audit.log import member_thing, record, team_thing
from hosting.teams.models import Membership, Team
from hosting.teams.people import invitations
from hosting.teams.people.membership_rules import Terms, agree, as_json, hold, require_as_much, terms_of
from hosting.teams.rejection import Rejected
from hosting.teams.roles import NotAllowedError, Permission, Role

_BATCH = 200


def of_team(team: Team) -> list[Membership]:
    """Everybody who is in a team today with their accounts, by role and name. Two queries."""
    found = Membership.objects.current().filter(team=team).select_related("user").prefetch_related("accounts")
    places = {role: place for place, role in enumerate(Role.values)}
    return sorted(found, key=lambda member: (places.get(member.role, 99), str(member.user).casefold(), member.pk))


def change(member: Membership, terms: Terms, *, by: Membership) -> None:
    """Change what somebody is in the team: their role, the accounts it holds for, and until when.

    Raises:
        NotAllowedError: the actor does not manage people, lacks a permission of the new role or of the present one.
        Invalid: terms that can't be.
        Rejected: they have left, or are the last owner.
    """
    with transaction.atomic():
        hold(by)
        member = _present(member, by)
        require_as_much(member.role, by)
        before = terms_of(member)
        agree(terms, by=by, instead_of=before)
        if member.role == Role.OWNER and terms.role != Role.OWNER:
            _require_another_owner(member)
        if before == terms:
            return
        _set(member, terms)
        _is_less(member, by=by)
        record(
            by.team,
            by=by,
            action="member.changed",
            subject=member.user.email,
            thing=member_thing(member.user_id),
            before=as_json(before, by.team),
            after=as_json(terms, by.team),
        )


def remove(member: Membership, *, by: Membership) -> None:
    """Take somebody out of the team. Invitations that only they could give are revoked.

    Raises:
        NotAllowedError: the actor does not manage people, or the member holds more than they do.
        Rejected: they have left, or are the last owner.
    """
    with transaction.atomic():
        hold(by)
        member = _present(member, by)
        require_as_much(member.role, by)
        _end(member, action="member.removed", by=by)


def leave(*, by: Membership) -> None:
    """Go out of the team by oneself.

    Raises:
        NotAllowedError: it is a token that asks.
        Rejected: they are the last owner.
    """
    with transaction.atomic():
        hold(by)
        if by.person is None or by.only is not None:
            raise NotAllowedError(Permission.MANAGE_PEOPLE)
        _end(_present(by, by), action="member.left", by=by)


def transfer(member: Membership, *, stay: bool, by: Membership) -> None:
    """Make a member the owner; the present one stays an owner beside them, or becomes an admin.

    Raises:
        NotAllowedError: only an owner can give that away.
        Rejected: the new owner has left the team, or owns it already.
    """
    with transaction.atomic():
        hold(by)
        require_as_much(Role.OWNER, by)
        new, old = _present(member, by), _present(by, by)
        if new.role == Role.OWNER:
            raise Rejected(_("%(name)s is already an owner.") % {"name": new.user})
        before = {new.user.email: as_json(terms_of(new), by.team), old.user.email: as_json(terms_of(old), by.team)}
        _set(new, Terms(Role.OWNER))
        if not stay:
            _set(old, Terms(Role.ADMIN))
        _is_less(old, by=by)
        record(
            by.team,
            by=by,
            action="team.transferred",
            subject=new.user.email,
            thing=team_thing(by.team_id),
            before=before,
            after={each.user.email: as_json(terms_of(each), by.team) for each in (new, old)},
        )


def sweep(now: datetime) -> None:
    """End the temporary memberships whose time is over. One look into an index when there are none."""
    over = Membership.objects.filter(expires_at__lte=now).select_related("team", "user")
    for member in over[:_BATCH]:
        with transaction.atomic():
            Team.objects.select_for_update(no_key=True).get(pk=member.team_id)
            # Somebody may have given them more time meanwhile.
            still = Membership.objects.filter(pk=member.pk, expires_at__lte=now).select_related("team", "user").first()
            if still:
                _end(still, action="member.ended", by=None)


def _present(member: Membership, by: Membership) -> Membership:
    """The member as the row is now."""
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


def _set(member: Membership, terms: Terms) -> None:
    member.role, member.narrowed, member.expires_at = terms.role, terms.accounts is not None, terms.until
    Membership.objects.filter(pk=member.pk).update(
        role=member.role, narrowed=member.narrowed, expires_at=member.expires_at
    )
    member.accounts.set(terms.accounts or ())


def _end(member: Membership, *, action: str, by: Membership | None) -> None:
    _require_another_owner(member)
    before = as_json(terms_of(member), member.team)
    Membership.objects.filter(pk=member.pk).delete()
    _is_less(member, by=by)
    thing = team_thing(member.team_id)
    record(member.team, by=by, action=action, subject=member.user.email, thing=thing, before=before)


def _is_less(member: Membership, *, by: Membership | None) -> None:
    """Somebody may have lost something: what they promised to others falls, and open pages ask anew."""
    invitations.drop_unfounded(member.team, member.user_id, by=by)
    ask(Job.LOOK_AGAIN, member.team_id)
