"""Invitations, the role and accounts of members, and joining as a new person."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account
from hosting.teams import names
from hosting.teams.create_team import LONGEST_NAME
from hosting.teams.models import Membership, User
from hosting.teams.people.membership_rules import Grant
from hosting.teams.roles import Permission, Role, can_give, missing_for
from hosting.web.forms.base import ChangeForm, KeptForm
from hosting.web.forms.emails import AddressField
from hosting.web.forms.names import NameField, PersonNameField
from hosting.web.wording.logins import account_words
from hosting.web.wording.roles import ROLE_WORDS

ALL, SOME = "all", "some"


def _roles(by: Membership) -> list[tuple[str, str]]:
    """The roles that the member can assign, each with what it may do."""
    held = by.permissions()
    return [
        (role.value, format_html('{}<span class="choice-note">{}</span>', role.label, ROLE_WORDS[role]))
        for role in Role
        if can_give(held, role)
    ]


class GrantForm(ChangeForm):
    """The role, accounts and end of a membership. The end is a day in the time zone of the person who fills it in."""

    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect, initial=Role.VIEWER)
    reach = forms.ChoiceField(
        label=_("Access to"),
        widget=forms.RadioSelect,
        initial=ALL,
        choices=[(ALL, _("All accounts of the team, including future ones")), (SOME, _("Only the selected accounts"))],
    )
    accounts = forms.TypedMultipleChoiceField(
        label=_("Accounts"), coerce=int, widget=forms.CheckboxSelectMultiple, required=False
    )
    until = forms.DateField(
        label=_("Ends on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("The membership ends automatically at the end of this day. Leave empty for no end date."),
    )

    def __init__(
        self, data: Any = None, *, by: Membership, accounts: Sequence[Account], grant: Grant | None = None
    ) -> None:
        initial: dict[str, object] = {}
        self._until = grant.until if grant else None
        self._by = by
        if grant:
            initial = {
                "role": grant.role,
                "reach": ALL if grant.accounts is None else SOME,
                "accounts": sorted(grant.accounts or ()),
                "until": timezone.localdate(grant.until) if grant.until else None,
            }
        super().__init__(data, initial=initial)
        self.fields["role"].choices = _roles(by)  # type: ignore[attr-defined]
        if accounts:
            self.fields["accounts"].choices = [(each.pk, account_words(each)) for each in accounts]  # type: ignore[attr-defined]
        else:
            del self.fields["reach"], self.fields["accounts"]

    def withheld(self) -> Permission | None:
        """The permission that the person lacks to give the posted role, which the form then doesn't offer."""
        role = self["role"].data
        return missing_for(self._by.permissions(), role) if role in Role.values else None

    def grant(self) -> Grant:
        data = self.cleaned_data
        some = data.get("reach") == SOME
        return Grant(data["role"], frozenset(data["accounts"]) if some else None, self._end(data["until"]))

    def _end(self, day: Any) -> datetime | None:
        """The end of a day. An unchanged day keeps its time, whatever zone it was entered in."""
        if day is None or (self._until and timezone.localdate(self._until) == day):
            return self._until if day else None
        return timezone.make_aware(datetime.combine(day, time(23, 59, 59)))


class InviteForm(GrantForm):
    email = AddressField(
        label=_("Email address"),
        help_text=_("They get an email with a link. They don't need an existing login."),
    )
    days = forms.TypedChoiceField(
        label=_("Link expires after"),
        coerce=int,
        required=False,
        empty_value=None,
        help_text=_("Resending the invitation renews the link for the same time."),
    )
    field_order = ["email", "role", "reach", "accounts", "until", "days"]

    def __init__(self, data: Any = None, *, by: Membership, accounts: Sequence[Account]) -> None:
        super().__init__(data, by=by, accounts=accounts)
        usual = settings.INVITATION_LIFE_DAYS
        self.fields["days"].initial = usual
        self.fields["days"].choices = [  # type: ignore[attr-defined]
            (days, ngettext("%(days)d day", "%(days)d days", days) % {"days": days})
            for days in sorted({1, 3, 7, 30, usual})
        ]


class TransferForm(ChangeForm):
    to = forms.TypedChoiceField(label=_("New owner"), coerce=int)
    stay = forms.ChoiceField(
        label=_("You"),
        widget=forms.RadioSelect,
        choices=[("admin", _("become an admin")), ("owner", _("stay an owner"))],
        initial="admin",
    )

    def __init__(self, data: Any = None, *, members: Sequence[Membership]) -> None:
        super().__init__(data)
        self.fields["to"].choices = [  # type: ignore[attr-defined]
            (each.pk, f"{each.user} ({each.user.email})" if each.user.name else each.user.email) for each in members
        ]


class NewTeamForm(ChangeForm):
    name = NameField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        also=names.IN_MAIL,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text=_("For example, the name of your company."),
    )


class JoinForm(KeptForm, forms.Form):
    """The name and password of an invited person without an account here. The address is that of the invitation."""

    name = PersonNameField(label=_("Your name"))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label=_("Confirm password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, data: Any = None, *, email: str) -> None:
        super().__init__(data)
        self._email = email

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        password = data.get("password")
        if password:
            try:
                validate_password(password, User(email=self._email, name=data.get("name", "")))
            except ValidationError as error:
                self.add_error("password", error)
            if data.get("again") and data["again"] != password:
                self.add_error("again", _("The two passwords don't match. Enter them again."))
        return data
