"""Who counts as a second owner, where a change needs two.

An owner can make a second address of their own an owner. So a new owner counts as the same person as the owner through
whom they became one, for as long as the others have to notice (`SETTLES_AFTER`). For the same reason an owner who
removes the others is not at once the only one.

Decision: docs/decisions/0040-new-owners-count-as-one.md
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role

SETTLES_AFTER = timedelta(days=7)


def counts_as(member: Membership) -> int:
    """The key of the person as whom a member counts: themselves, or the owner through whom they have just become one.

    It is never a new owner, so a chain of new owners counts as the person who began it.
    """
    is_new = member.owner_since is not None and member.owner_since > timezone.now() - SETTLES_AFTER
    return member.owner_through_id if is_new and member.owner_through_id else member.user_id


def give_role(member: Membership, role: str, *, by: Membership | None) -> None:
    """Set a member's role, and keep through whom they become an owner. Does not save.

    `by` is the member who gives the role; None when nobody of the team does.
    """
    if role != Role.OWNER:
        member.owner_since = member.owner_through_id = None
    elif member.owner_since is None and (member.pk is None or member.role != Role.OWNER):
        member.owner_since = timezone.now()
        member.owner_through_id = counts_as(by) if by else None
    member.role = role


def note_removal(member: Membership, *, by: Membership | None) -> None:
    """Remember that `by` has just taken the ownership from another person. Call it with the team locked."""
    if by is not None and counts_as(member) != counts_as(by):
        Team.objects.filter(pk=member.team_id).update(owner_removed_at=timezone.now())


@dataclass(frozen=True)
class Seconds:
    """The owners who can confirm what one owner requests. `until` is set while an owner who was removed is missed."""

    others: list[Membership]
    independent: list[Membership]
    missed_until: datetime | None

    def who(self) -> list[Membership]:
        """Owners who are somebody else for sure; if there are none, the new ones, who take no part from anybody."""
        return self.independent or self.others

    def people(self) -> list[User]:
        return [member.user for member in self.who()]

    def lacking_until(self) -> datetime | None:
        """When the requester counts as the only owner, after the only other one was removed; None: no such case."""
        return None if self.independent else self.missed_until


def seconds(requester: Membership) -> Seconds:
    """The owners who can confirm what `requester` requests. Two queries."""
    owners = Membership.objects.current().filter(team=requester.team_id, role=Role.OWNER, user__is_active=True)
    others = list(owners.exclude(user=requester.user_id).select_related("user").order_by("user__name", "pk"))
    removed_at = Team.objects.values_list("owner_removed_at", flat=True).get(pk=requester.team_id)
    until = removed_at + SETTLES_AFTER if removed_at else None
    return Seconds(
        others=others,
        independent=[each for each in others if counts_as(each) != counts_as(requester)],
        missed_until=until if until and until > timezone.now() else None,
    )
