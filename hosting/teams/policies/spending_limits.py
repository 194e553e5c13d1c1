"""Set the spending limits of a team's roles."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from hosting.teams.audit.log import record, team_ref
from hosting.teams.models import Membership, Team
from hosting.teams.policies.models import SPENDING_ROLES, SpendingLimit
from hosting.teams.roles import PERMISSIONS, Permission


@dataclass(frozen=True)
class Limits:
    """How much a role may spend in a month; None: no limit."""

    shares: int | None = None
    money: Decimal | None = None

    def as_json(self) -> dict[str, object]:
        return {"shares": self.shares, "money": None if self.money is None else str(self.money)}


NO_LIMITS = Limits()


class NoApproverError(Exception):
    """With limits on these roles, operations beyond them would have nobody to approve them but their requester."""

    def __init__(self, roles: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(roles)))
        self.roles = roles


def limits_of(team_id: int) -> dict[str, Limits]:
    """The limits of a team, for each role that may spend. One query."""
    found = {each.role: Limits(each.shares, each.money) for each in SpendingLimit.objects.filter(team=team_id)}
    return {role: found.get(role, NO_LIMITS) for role in SPENDING_ROLES}


def without_approver(team_id: int) -> frozenset[str]:
    """The roles with a member whose operations nobody else could approve.

    Members who cover only some accounts do not count as approvers, because they could not approve operations of the
    others.
    """
    roles = [role for role, held in PERMISSIONS.items() if Permission.APPROVE in held]
    members = Membership.objects.current().filter(team=team_id)
    approving = list(members.filter(role__in=roles, narrowed=False).values_list("role", flat=True)[:2])
    if len(approving) == 2:
        return frozenset()
    return frozenset(approving or SPENDING_ROLES)


def set_limits(wanted: Mapping[str, Limits], *, by: Membership) -> bool:
    """Set the limits of these roles. False when nothing changes.

    Operations that are waiting for approval keep waiting.

    Raises:
        NotAllowedError: the member does not manage the team's policies.
        NoApproverError: a changed limit beyond which nobody else could approve operations.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        before = limits_of(team.pk)
        changed = {role: limits for role, limits in wanted.items() if limits != before[role]}
        if not changed:
            return False
        lost = without_approver(team.pk) & {role for role, limits in changed.items() if limits != NO_LIMITS}
        if lost:
            raise NoApproverError(lost)
        for role, limits in changed.items():
            if limits == NO_LIMITS:
                SpendingLimit.objects.filter(team=team, role=role).delete()
            else:
                values = {"shares": limits.shares, "money": limits.money}
                SpendingLimit.objects.update_or_create(team=team, role=role, defaults=values)
        record(
            team,
            by=by,
            action="team.ceilings",
            subject=team.name,
            thing=team_ref(team.pk),
            before={role: before[role].as_json() for role in changed},
            after={role: limits.as_json() for role, limits in changed.items()},
        )
    return True
