from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account, Endpoint
from hosting.operations import rules
from hosting.teams.models import Membership
from hosting.web.forms.base import ChangeForm

_HANDLE_HELP = _("Whose hosting account it is: the login's own handle, or the handle of one of its customers.")


class ConnectForm(ChangeForm):
    team = forms.TypedChoiceField(label=_("Team"), coerce=int, help_text=_("Every member of it will see this account."))
    endpoint = forms.ModelChoiceField(label=_("Provider"), queryset=Endpoint.objects.none(), empty_label=None)
    label = forms.CharField(
        label=_("Label"), max_length=100, validators=[rules.plain], help_text=_("What your team calls it.")
    )
    login = forms.CharField(label=_("Login"), max_length=100, validators=[rules.plain])
    handle = forms.CharField(label=_("Handle"), max_length=100, validators=[rules.plain], help_text=_HANDLE_HELP)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=255,
        validators=[rules.plain],
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Stored encrypted. It is never shown again, to anybody."),
    )

    def __init__(self, *args: Any, memberships: list[Membership], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.memberships = {membership.team_id: membership for membership in memberships}
        self.fields["endpoint"].queryset = Endpoint.objects.filter(offered=True)  # type: ignore[attr-defined]
        if len(memberships) > 1:
            self.fields["team"].choices = [(member.team_id, member.team.name) for member in memberships]  # type: ignore[attr-defined]
        else:
            del self.fields["team"]
        for name in ("label", "login", "handle"):
            self.fields[name].widget.attrs |= {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}

    def member(self) -> Membership:
        """The actor: the person in the team that they chose, or in their only one."""
        team_id = self.cleaned_data.get("team")
        return self.memberships[team_id] if team_id else next(iter(self.memberships.values()))


class AccountForm(ChangeForm):
    """The password is write-only: empty keeps it."""

    label = forms.CharField(
        label=_("Label"), max_length=100, validators=[rules.plain], help_text=_("What your team calls it.")
    )
    handle = forms.CharField(label=_("Handle"), max_length=100, validators=[rules.plain], help_text=_HANDLE_HELP)
    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=255,
        validators=[rules.plain],
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Leave it empty to keep the stored one, which is never shown."),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].initial = account.label
        self.fields["handle"].initial = account.handle
