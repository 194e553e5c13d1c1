"""The policies of a team: one form for each."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hosting.teams.access.fields import check_grace_days, check_session_hours
from hosting.teams.access.quiet_hours import EVERY_DAY
from hosting.teams.models import Team
from hosting.web.forms.base import KeptForm
from hosting.web.forms.numbers import WholeField
from hosting.web.wording.days import DAYS


@cache
def zones() -> list[tuple[str, str]]:
    """All time zones named after a place, by name, and UTC."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix/")))
    return [(name, name.replace("_", " ")) for name in ["UTC", *places]]


class PolicyForm(KeptForm, forms.Form):
    """Base: shows validation errors of the policy beside the fields."""

    # The section of the page.
    name: str

    def __init__(self, data: QueryDict | None = None, *, team: Team) -> None:
        # Ids need the form's name: the page has several of these forms.
        super().__init__(data, auto_id=f"{self.name}-%s", initial=self.stored(team))

    def stored(self, team: Team) -> dict[str, Any]:
        """The current values of the policy."""
        raise NotImplementedError

    def refuse(self, error: ValidationError) -> None:
        """Add a validation error beside the fields that it names."""
        self.add_error(None, error)


class TwoFactorForm(PolicyForm):
    name = "two_factor"

    required = forms.BooleanField(label=_("Require two-factor authentication for all members"), required=False)
    grace_days = WholeField(
        label=_("Days to set up two-factor authentication"),
        validators=[check_grace_days],
        help_text=_(
            "0 to 30 days from now, or from the day a member joins. After that, members without it lose access."
        ),
    )

    def stored(self, team: Team) -> dict[str, Any]:
        return {"required": team.two_factor_since is not None, "grace_days": team.grace_days}


class SessionForm(PolicyForm):
    name = "session"

    hours = WholeField(
        label=_("Hours"),
        required=False,
        validators=[check_session_hours],
        help_text=_("Counted from the last sign-in. Leave empty for the panel's default."),
    )

    def stored(self, team: Team) -> dict[str, Any]:
        return {"hours": team.session_hours}


class NetworksForm(PolicyForm):
    name = "networks"

    networks = forms.CharField(
        label=_("Networks, one per line"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off", "class": "mono"}),
        help_text=_("For example 192.0.2.0/24, 2001:db8::/32 or a single address. Leave empty to allow all networks."),
    )

    def stored(self, team: Team) -> dict[str, Any]:
        return {"networks": "\n".join(team.networks)}

    def lines(self) -> list[str]:
        return str(self.cleaned_data["networks"]).splitlines()


def _time(label: Any) -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))


class QuietForm(PolicyForm):
    name = "quiet"

    start = _time(_("From"))
    end = _time(_("To"))
    zone = forms.ChoiceField(label=_("Time zone"), choices=zones, required=False)
    days = forms.TypedMultipleChoiceField(
        label=_("Days"),
        choices=DAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "Days on which quiet hours begin. A night continues into the next day. Leave both"
            " times empty for no quiet hours."
        ),
    )

    def stored(self, team: Team) -> dict[str, Any]:
        return {
            "start": team.quiet_from,
            "end": team.quiet_until,
            "zone": team.quiet_zone or settings.TIME_ZONE,
            "days": team.quiet_days or sorted(EVERY_DAY),
        }


FORMS: dict[str, type[PolicyForm]] = {form.name: form for form in (TwoFactorForm, SessionForm, NetworksForm, QuietForm)}
