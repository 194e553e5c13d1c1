"""In a team's quiet hours nothing is deleted: by nobody, in no bulk, by no token."""

from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hosting.operations.kinds.base import Kind
from hosting.operations.models.rejection import QuietHours
from hosting.teams.models import Team
from hosting.teams.roles import Permission


def require_none(kind: Kind | type[Kind], team: Team) -> None:
    """Let everything through but what deletes, and that too outside the team's quiet hours.

    Raises:
        QuietHours: says until when.
    """
    if words := holds_back(kind, team):
        raise QuietHours(words)


def holds_back(kind: Kind | type[Kind], team: Team) -> str:
    """Why this is not asked for now, and until when; empty for what may be."""
    return now(team) if kind.permission is Permission.DELETE else ""


def now(team: Team) -> str:
    """Why nothing is deleted now, and until when on the team's own clock; empty when it may be."""
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
