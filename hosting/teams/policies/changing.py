"""Change the policies of a team. They apply from the next request on, also to the owner who changes them."""

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import time
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.access import networks as networks_of
from hosting.teams.access.fields import check_grace_days, check_session_hours
from hosting.teams.access.quiet_hours import EVERY_DAY, QuietHours
from hosting.teams.audit.log import record, team_ref
from hosting.teams.models import Membership, Team
from hosting.teams.names import QUOTE
from hosting.teams.policies import second_factor
from hosting.teams.roles import Permission

MOST_NETWORKS = 100


def require_two_factor(*, required: bool, grace_days: int, by: Membership) -> None:
    """Require two-factor authentication of every member, or stop requiring it.

    Members have `grace_days` (0 to 30) from now, or from when they join, to set it up. If it is required already, the
    days count from when that began.

    Raises:
        NotAllowedError: the member may not change policies.
        ValidationError: with the field; `required` when the member has no second factor and would lock themselves out.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    _check("grace_days", check_grace_days, grace_days)
    if required and not second_factor.holders([by.user_id]):
        raise ValidationError(
            {
                "required": _(
                    "You haven't set up two-factor authentication, so this would lock you out. Set it up first."
                )
            }
        )

    def wanted(team: Team) -> dict[str, Any]:
        since = (team.two_factor_since or timezone.now()) if required else None
        return {"two_factor_since": since, "grace_days": grace_days}

    _change(wanted, action="policy.two_factor", team=by.team, by=by)


def limit_sessions(hours: int | None, *, by: Membership) -> None:
    """Require a new authentication this many hours after the last one; None for the panel's own limit.

    Raises:
        NotAllowedError: the member may not change policies.
        ValidationError: with the field `hours`.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    if hours is not None:
        _check("hours", check_session_hours, hours)
    _change(lambda _team: {"session_hours": hours}, action="policy.session", team=by.team, by=by)


def allow_networks(lines: Sequence[str], *, by: Membership) -> None:
    """Allow access to the team from these CIDR networks only; from everywhere when there are none.

    Raises:
        NotAllowedError: the member may not change policies.
        ValidationError: with the field `networks`: a line is not a network, or the member's own address is in none of
            them.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    named = list(dict.fromkeys(_network(line) for line in lines if line.strip()))
    if len(named) > MOST_NETWORKS:
        raise ValidationError({"networks": _("Enter up to %(most)d networks.") % {"most": MOST_NETWORKS}})
    if not networks_of.allows(named, by.via.address):
        raise ValidationError(
            {
                "networks": _(
                    "Your own address, %(address)s, isn't in any of these networks, so this would "
                    "lock you out. Add it first."
                )
                % {"address": by.via.address}
            }
        )
    _change(
        lambda _team: {"networks": [str(network) for network in named]}, action="policy.networks", team=by.team, by=by
    )


def lift_networks(team: Team) -> None:
    """Allow access from everywhere again, for owners who have locked themselves out. Only the panel's operator can."""
    _change(lambda _team: {"networks": []}, action="policy.networks", team=team)


def set_quiet_hours(
    start: time | None, end: time | None, *, zone: str = "", days: Set[int] = EVERY_DAY, by: Membership
) -> None:
    """Set the hours in which deletes are refused; without times, remove them.

    They run from `start` until `end` in the time zone `zone` (empty: the panel's), starting on `days` (0 is Monday).

    Raises:
        NotAllowedError: the member may not change policies.
        ValidationError: with the field.
    """
    by.require_for_all(Permission.MANAGE_POLICIES)
    if start is None and end is None:
        zone, days = "", EVERY_DAY
    elif start is None or end is None:
        missing = "start" if start is None else "end"
        raise ValidationError({missing: _("Enter both times, or leave both empty for no quiet hours.")})
    elif zone and zone not in available_timezones():
        raise ValidationError({"zone": _("Choose a time zone.")})
    elif not days or not days <= EVERY_DAY:
        raise ValidationError({"days": _("Choose at least one day.")})
    elif QuietHours(start, end, zone, frozenset(days)).always:
        raise ValidationError(
            {"end": _("These quiet hours would never end, so nothing could ever be deleted. Choose a shorter period.")}
        )
    values = {
        "quiet_from": start,
        "quiet_until": end,
        "quiet_zone": zone,
        "quiet_days": [] if days == EVERY_DAY else sorted(days),
    }
    _change(lambda _team: values, action="policy.quiet_hours", team=by.team, by=by)


def _check(field: str, rule: Callable[[int], None], value: int) -> None:
    try:
        rule(value)
    except ValidationError as error:
        raise ValidationError({field: error}) from None


def _network(line: str) -> networks_of.Network:
    try:
        return networks_of.as_written(line)
    except networks_of.NotNetworkError as error:
        quote = ValidationError(error.words, code=QUOTE, params=error.names)
        raise ValidationError({"networks": quote}) from None


def _change(
    wanted: Callable[[Team], Mapping[str, Any]], *, action: str, team: Team, by: Membership | None = None
) -> None:
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=team.pk)
        values = wanted(team)
        before = {name: getattr(team, name) for name in values}
        if before == values:
            return
        Team.objects.filter(pk=team.pk).update(**values)
        record(
            team,
            by=by,
            action=action,
            subject=team.name,
            thing=team_ref(team.pk),
            before=_plain(before),
            after=_plain(values),
        )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values as JSON, with times as text."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in values.items()}
