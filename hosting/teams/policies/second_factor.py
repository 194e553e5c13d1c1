"""Which people have a second factor, and the state of each member under the team's policy."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from allauth.mfa.models import Authenticator

from hosting.teams.access.policy import grace_until
from hosting.teams.models import Membership, Team


class State(StrEnum):
    HAS = "has"
    # Without one, and the team does not require it.
    WITHOUT = "without"
    GRACE = "grace"
    KEPT_OUT = "kept_out"


@dataclass(frozen=True)
class Standing:
    """The state of one member; `until` is when their grace period ends or has ended."""

    member: Membership
    state: State
    until: datetime | None = None


def holders(user_ids: Collection[int]) -> set[int]:
    """The people who have a second factor, out of these. Recovery codes alone do not count. One query."""
    found = Authenticator.objects.filter(user__in=user_ids).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return set(found.values_list("user_id", flat=True))


def standings(team: Team, members: Collection[Membership], now: datetime) -> dict[int, Standing]:
    """The state of these members of a team, by key. One query."""
    having = holders([member.user_id for member in members])
    return {member.pk: _standing(team, member, has=member.user_id in having, now=now) for member in members}


def _standing(team: Team, member: Membership, *, has: bool, now: datetime) -> Standing:
    if has:
        return Standing(member, State.HAS)
    until = grace_until(team.policy(), member.created_at, has_second_factor=False)
    if until is None:
        return Standing(member, State.WITHOUT)
    return Standing(member, State.GRACE if until > now else State.KEPT_OUT, until)
