"""Set the spending limits of a team's roles.

Who may raise a limit alone may spend without one: a second address of theirs would approve it. So where a team has two
owners, a change that raises or removes a limit waits until another owner confirms it (`ownership` tells who counts as
another). Lower limits hold at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.teams import ownership
from hosting.teams.audit.log import record, team_ref
from hosting.teams.models import Membership, Team, User
from hosting.teams.policies.models import SPENDING_ROLES, PendingLimits, SpendingLimit
from hosting.teams.rejection import Refusal, Rejected
from hosting.teams.roles import PERMISSIONS, Permission, Role


@dataclass(frozen=True)
class Limits:
    """How much a role may spend in a month; None: no limit."""

    shares: int | None = None
    money: Decimal | None = None

    def as_json(self) -> dict[str, object]:
        return {"shares": self.shares, "money": None if self.money is None else str(self.money)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["shares"], None if stored["money"] is None else Decimal(stored["money"]))

    def exceeds(self, before: "Limits") -> bool:
        """Whether more may be spent than `before`, of shares or of money."""
        return _is_more(self.shares, before.shares) or _is_more(self.money, before.money)


NO_LIMITS = Limits()


def _is_more(now: int | Decimal | None, before: int | Decimal | None) -> bool:
    return before is not None and (now is None or now > before)


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


class Outcome(StrEnum):
    """What became of a change of the limits."""

    UNCHANGED = ""
    SAVED = "saved"
    # It waits for a second owner.
    PENDING = "pending"


def set_limits(wanted: Mapping[str, Limits], *, by: Membership, need_second_owner: bool | None = None) -> Outcome:
    """Set the limits of these roles, and whether raising them needs a second owner (None: as it is).

    A change that raises or removes a limit, or no longer asks for a second owner, waits for one where there is one: it
    would let a single person spend without a limit, with a second address of theirs to approve it. It replaces an
    earlier change that waits. Operations that are waiting for approval keep waiting.

    Raises:
        NotAllowedError: the member does not manage the team's policies.
        NoApproverError: a changed limit beyond which nobody else could approve operations.
        Rejected: the only owner who could have confirmed it was removed a short time ago.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        before = limits_of(team.pk)
        changed = {role: limits for role, limits in wanted.items() if limits != before[role]}
        asked = team.limits_need_second_owner if need_second_owner is None else need_second_owner
        if not changed and asked == team.limits_need_second_owner:
            return Outcome.UNCHANGED
        _require_approvers(team, changed)
        loosens = any(limits.exceeds(before[role]) for role, limits in changed.items())
        if (loosens or not asked) and team.limits_need_second_owner:
            second = ownership.seconds(by)
            if missed := _lacking(second):
                raise missed
            if second.who():
                _ask_second_owner(team, changed, need_second_owner=asked, by=by)
                return Outcome.PENDING
        _apply(team, changed, need_second_owner=asked, by=by)
    return Outcome.SAVED


def pending_of(team_id: int) -> PendingLimits | None:
    """The change that waits for a second owner. One query."""
    return PendingLimits.objects.filter(team=team_id).select_related("requested_by").first()


def who_confirms(pending: PendingLimits) -> list[User]:
    """The owners who can confirm a change that waits. Up to three queries."""
    requester = _requester(pending)
    return ownership.seconds(requester).people() if requester else []


def obstacle(pending: PendingLimits, by: Membership) -> Rejected | None:
    """Why an owner can't confirm a change that waits; None when they can. Up to three queries."""
    if by.person is None or pending.requested_by_id == by.user_id:
        return Rejected(_("You can't confirm your own change. Ask another owner."), refusal=Refusal.OWN_REQUEST)
    requester = _requester(pending)
    if requester is None:
        return Rejected(_("The person who requested this is no longer an owner. You can only discard it."))
    second = ownership.seconds(requester)
    if second.lacking_until():
        return _lacking(second)
    if by in second.who():
        return None
    days = ownership.SETTLES_AFTER.days
    words = ngettext(
        "For %(days)d day, a new owner counts as the same person as the owner who added them. "
        "Somebody else must confirm this change: %(people)s.",
        "For %(days)d days, a new owner counts as the same person as the owner who added them. "
        "Somebody else must confirm this change: %(people)s.",
        days,
    )
    return Rejected(words, names={"days": days, "people": second.people()}, refusal=Refusal.NEW_OWNER)


def _requester(pending: PendingLimits) -> Membership | None:
    """The owner who requested a change; None when they are no owner any more."""
    owners = Membership.objects.current().filter(role=Role.OWNER, user__is_active=True)
    return owners.filter(team=pending.team_id, user=pending.requested_by_id).first()


def _lacking(second: ownership.Seconds) -> Rejected | None:
    """The rejection while the owner is missed who would have had to confirm it."""
    if (until := second.lacking_until()) is None:
        return None
    day = formats.date_format(timezone.localtime(until), "DATE_FORMAT")
    words = _(
        "The owner who would have had to confirm this was removed a short time ago. You can raise limits without "
        "another owner from %(day)s."
    )
    return Rejected(words % {"day": day}, refusal=Refusal.OWNER_REMOVED)


def limits_in(pending: PendingLimits) -> dict[str, Limits]:
    """The limits of a change that waits."""
    return {role: Limits.from_json(each) for role, each in pending.limits.items()}


def confirm(pending: PendingLimits, *, by: Membership) -> bool:
    """Make a change that waits. False when it was decided already, or another one has replaced it.

    Raises:
        NotAllowedError: the member does not manage the team's policies.
        Rejected: it is their own, they do not count as another owner, or who requested it is no owner any more.
        NoApproverError: as `set_limits`.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        found = PendingLimits.objects.filter(pk=pending.pk, team=team, requested_at=pending.requested_at).first()
        if found is None:
            return False
        if found_obstacle := obstacle(found, by):
            raise found_obstacle
        before = limits_of(team.pk)
        changed = {role: limits for role, limits in limits_in(found).items() if limits != before[role]}
        _require_approvers(team, changed)
        _apply(
            team,
            changed,
            need_second_owner=found.need_second_owner,
            by=by,
            requested_by=str(found.requested_by),
        )
    return True


def discard(pending: PendingLimits, *, by: Membership) -> bool:
    """Discard a change that waits, as its requester or as another owner. False when it was decided already.

    Raises:
        NotAllowedError: the member does not manage the team's policies.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        gone, _models = PendingLimits.objects.filter(
            pk=pending.pk, team=team, requested_at=pending.requested_at
        ).delete()
        if gone:
            record(
                team,
                by=by,
                action="team.ceilings_discarded",
                subject=team.name,
                thing=team_ref(team.pk),
                requested_by=str(pending.requested_by),
            )
    return bool(gone)


def _require_approvers(team: Team, changed: Mapping[str, Limits]) -> None:
    lost = without_approver(team.pk) & {role for role, limits in changed.items() if limits != NO_LIMITS}
    if lost:
        raise NoApproverError(lost)


def _ask_second_owner(team: Team, changed: Mapping[str, Limits], *, need_second_owner: bool, by: Membership) -> None:
    before = limits_of(team.pk)
    PendingLimits.objects.update_or_create(
        team=team,
        defaults={
            "limits": {role: limits.as_json() for role, limits in changed.items()},
            "need_second_owner": need_second_owner,
            "requested_by_id": by.user_id,
            "requested_at": timezone.now(),
        },
    )
    action = "team.ceilings_requested"
    _record(team, action, before, changed, need_second_owner=need_second_owner, by=by, outcome="held")


def _apply(
    team: Team, changed: Mapping[str, Limits], *, need_second_owner: bool, by: Membership, requested_by: str = ""
) -> None:
    """Make a change. One that waits is decided by it, or belongs to limits that are no more."""
    before = limits_of(team.pk)
    for role, limits in changed.items():
        if limits == NO_LIMITS:
            SpendingLimit.objects.filter(team=team, role=role).delete()
        else:
            values = {"shares": limits.shares, "money": limits.money}
            SpendingLimit.objects.update_or_create(team=team, role=role, defaults=values)
    Team.objects.filter(pk=team.pk).update(limits_need_second_owner=need_second_owner)
    PendingLimits.objects.filter(team=team).delete()
    action = "team.ceilings"
    _record(team, action, before, changed, need_second_owner=need_second_owner, by=by, requested_by=requested_by)


def _record(
    team: Team,
    action: str,
    before: Mapping[str, Limits],
    changed: Mapping[str, Limits],
    *,
    need_second_owner: bool,
    by: Membership,
    outcome: str = "",
    requested_by: str = "",
) -> None:
    was: dict[str, object] = {role: before[role].as_json() for role in changed}
    now: dict[str, object] = {role: limits.as_json() for role, limits in changed.items()}
    if need_second_owner != team.limits_need_second_owner:
        was["second_owner"], now["second_owner"] = team.limits_need_second_owner, need_second_owner
    record(
        team,
        by=by,
        action=action,
        subject=team.name,
        thing=team_ref(team.pk),
        before=was,
        after=now,
        outcome=outcome,
        requested_by=requested_by,
    )
