"""In a team's quiet hours nothing is deleted: by nobody, in no bulk, by no token."""

from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hosting.operations.kinds.base import Kind
from hosting.operations.models.rejection import QuietHours
from hosting.teams.models import Team
from hosting.teams.roles import Permission


def enforce(kind: Kind | type[Kind], team: Team) -> None:
    """Let everything through but what deletes, and that too outside the team's quiet hours.

    Raises:
        QuietHours: says until when.
    """
    if words := why_blocked(kind, team):
        raise QuietHours(words)


def why_blocked(kind: Kind | type[Kind], team: Team) -> str:
    """Why this is not asked for now, and until when; empty for what may be."""
    return why_blocked_now(team) if kind.permission is Permission.DELETE else ""


def why_blocked_now(team: Team) -> str:
    """Why nothing is deleted now, and until when on the team's own clock; empty when it may be."""
    hours = team.policy().quiet
    end = hours.until(timezone.now()) if hours else None
    if hours is None or end is None:
        return ""
    local = end.astimezone(ZoneInfo(hours.zone))
    return _("The team deletes nothing in its quiet hours: until %(day)s, %(time)s (%(zone)s).") % {
        "day": date_format(local, "DATE_FORMAT"),
        "time": date_format(local, "H:i"),
        "zone": hours.zone,
    }
