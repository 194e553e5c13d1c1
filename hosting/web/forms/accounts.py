"""Forms that connect an account, change its credentials, or add a handle."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account, Candidate, Endpoint
from hosting.operations.kinds import rules
from hosting.teams import names
from hosting.teams.models import Membership
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.names import NameField
from hosting.web.wording.logins import Correction, candidate_of

# For names and handles: browsers must not correct or remember them.
QUIET = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
_HANDLE_HELP = _("The login's own handle, or the handle of one of its customers.")


class ConnectForm(ChangeForm):
    team = forms.TypedChoiceField(
        label=_("Team"), coerce=int, help_text=_("All members of the team will see this account.")
    )
    endpoint = forms.ModelChoiceField(label=_("Provider"), queryset=Endpoint.objects.none(), empty_label=None)
    label = NameField(
        label=_("Label"), max_length=100, also=names.OF_ACTOR, help_text=_("A name your team will recognize.")
    )
    login = forms.CharField(label=_("Login"), max_length=100, validators=[names.visible])
    handle = forms.CharField(label=_("Handle"), max_length=100, validators=[names.visible], help_text=_HANDLE_HELP)
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=255,
        validators=[rules.plain],
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Stored encrypted. It is never shown again."),
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
            self.fields[name].widget.attrs |= QUIET

    def member(self) -> Membership:
        """The person's membership in the chosen team, or in their only one."""
        team_id = self.cleaned_data.get("team")
        return self.memberships[team_id] if team_id else next(iter(self.memberships.values()))


class AccountForm(ChangeForm):
    """The password is write-only: empty keeps it. The login can be changed until it has worked once."""

    label = NameField(
        label=_("Label"), max_length=100, also=names.OF_ACTOR, help_text=_("A name your team will recognize.")
    )
    login = forms.CharField(label=_("Login"), max_length=100, validators=[names.visible])
    handle = forms.CharField(label=_("Handle"), max_length=100, validators=[names.visible], help_text=_HANDLE_HELP)
    password = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=255,
        validators=[rules.plain],
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, data: Any = None, *, account: Account, other_handles: int = 0) -> None:
        super().__init__(data)
        candidate = candidate_of(account)
        # Show the credentials that are being tested or were refused, so that nothing typed is lost.
        wanted = candidate if candidate and candidate.state != Candidate.State.ACCEPTED else account
        for name, value in (("label", account.label), ("login", wanted.login), ("handle", wanted.handle)):
            self.fields[name].initial = value
            self.fields[name].widget.attrs |= QUIET
        if account.mirrored_at:
            del self.fields["login"]
        help_text = _("Leave empty to keep the stored password. A new password is tested first.")
        if other_handles:
            also = ngettext(
                "It will also be used for the other handle of this login.",
                "It will also be used for the %(count)d other handles of this login.",
                other_handles,
            )
            help_text = format_lazy("{} {}", help_text, also % {"count": other_handles})
        self.fields["password"].help_text = help_text

    def show_refusal(self, correction: Correction) -> None:
        """Show the failure of the last test beside its field, although the form was not sent."""
        self.data = {name: field.initial for name, field in self.fields.items()}
        self.is_bound = True
        self.full_clean()
        self.add_error(correction.field, correction.beside)


class HandleForm(ChangeForm):
    """Another handle for credentials that are connected already."""

    label = NameField(
        label=_("Label"), max_length=100, also=names.OF_ACTOR, help_text=_("A name your team will recognize.")
    )
    handle = forms.CharField(
        label=_("Handle"),
        max_length=100,
        validators=[names.visible],
        help_text=_("The login's own handle, or the handle of one of its customers."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in ("label", "handle"):
            self.fields[field].widget.attrs |= QUIET
