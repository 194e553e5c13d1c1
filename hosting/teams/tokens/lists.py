"""Lists of tokens: those that work and those that ended recently."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from hosting.teams.models import Membership
from hosting.teams.roles import Permission
from hosting.teams.tokens.models import ApiToken
from hosting.teams.tokens.use import Standing, standing

# How long lists show a token that has ended; the audit log keeps it for ever.
_ENDED_SHOWN = timedelta(days=90)


@dataclass(frozen=True)
class Listed:
    """A token and whether it works.

    `maker_left` warns that the creator of a team token has left the team: they may have copied its secret.
    """

    token: ApiToken
    standing: Standing
    maker_left: bool = False

    @property
    def works(self) -> bool:
        return self.standing == Standing.WORKS


def of_person(person_id: int) -> list[Listed]:
    """A person's own tokens, in all teams. Three queries."""
    return _listed(ApiToken.objects.filter(owner=person_id))


def of_team(by: Membership) -> list[Listed]:
    """All team tokens, and the personal tokens of members in this team. Four queries.

    Raises:
        NotAllowedError: the member does not manage the people of the whole team.
    """
    by.require_for_all(Permission.MANAGE_PEOPLE)
    people = set(Membership.objects.current().filter(team=by.team_id).values_list("user", flat=True))
    return [
        replace(each, maker_left=not each.token.is_personal and each.token.created_by_id not in people)
        for each in _listed(ApiToken.objects.filter(team=by.team_id))
    ]


def _listed(tokens: QuerySet[ApiToken]) -> list[Listed]:
    now = timezone.now()
    since = now - _ENDED_SHOWN
    shown = tokens.filter(Q(revoked_at=None) | Q(revoked_at__gt=since), expires_at__gt=since)
    rows = list(shown.select_related("team", "owner", "created_by").prefetch_related("accounts"))
    found = Membership.objects.current().filter(pk__in={row.membership_id for row in rows if row.membership_id})
    members = {member.pk: member for member in found}
    listed = [Listed(row, standing(row, members.get(row.membership_id or 0), now)) for row in rows]
    return sorted(listed, key=lambda each: not each.works)
