"""Quiet hours: while they last, nobody in the team deletes anything, nor does a bulk action or an API token."""

from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hosting.operations.kinds.base import Kind
from hosting.operations.models.rejection import QuietHours
from hosting.teams.models import Team
from hosting.teams.roles import Permission


def enforce(kind: Kind | type[Kind], team: Team) -> None:
    """Reject operations that delete something during the team's quiet hours.

    Raises:
        QuietHours: says when they end.
    """
    if words := why_blocked(kind, team):
        raise QuietHours(words)


def why_blocked(kind: Kind | type[Kind], team: Team) -> str:
    """Why this kind is blocked now, and until when; empty when it is allowed."""
    return why_blocked_now(team) if kind.permission is Permission.DELETE else ""


def why_blocked_now(team: Team) -> str:
    """Why deleting is blocked now, and until when on the team's clock; empty outside quiet hours."""
    hours = team.policy().quiet
    end = hours.until(timezone.now()) if hours else None
    if hours is None or end is None:
        return ""
    local = end.astimezone(ZoneInfo(hours.zone))
    return _("Deleting is blocked during your team's quiet hours. Try again after %(day)s, %(time)s (%(zone)s).") % {
        "day": date_format(local, "DATE_FORMAT"),
        "time": date_format(local, "H:i"),
        "zone": hours.zone,
    }
