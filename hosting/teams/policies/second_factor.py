"""Who has a second factor, and how each member stands when the team asks for one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from allauth.mfa.models import Authenticator

from hosting.teams.access.policy import grace_until
from hosting.teams.models import Membership, Team


class State(StrEnum):
    HAS = "has"
    # Without one, and nobody asks for it.
    WITHOUT = "without"
    GRACE = "grace"
    KEPT_OUT = "kept_out"


@dataclass(frozen=True)
class Standing:
    """How one member stands; `until` is when their grace ends, or has ended."""

    member: Membership
    state: State
    until: datetime | None = None


def holders(user_ids: Collection[int]) -> set[int]:
    """Those of the people who have a second factor. One query. Recovery codes alone are none."""
    found = Authenticator.objects.filter(user__in=user_ids).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return set(found.values_list("user_id", flat=True))


def standings(team: Team, members: Collection[Membership], now: datetime) -> dict[int, Standing]:
    """How these members of a team stand, by their keys. One query."""
    having = holders([member.user_id for member in members])
    return {member.pk: _standing(team, member, has=member.user_id in having, now=now) for member in members}


def _standing(team: Team, member: Membership, *, has: bool, now: datetime) -> Standing:
    if has:
        return Standing(member, State.HAS)
    until = grace_until(team.policy(), member.created_at, has_second_factor=False)
    if until is None:
        return Standing(member, State.WITHOUT)
    return Standing(member, State.GRACE if until > now else State.KEPT_OUT, until)
