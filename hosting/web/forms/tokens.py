"""The form that creates an API token."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hosting.accounts.models import Account
from hosting.teams import names
from hosting.teams.roles import Permission
from hosting.teams.tokens.issuing import LONGEST_NAME, USUAL_DAYS
from hosting.web.forms.accounts import QUIET
from hosting.web.forms.base import KeptForm
from hosting.web.forms.names import NameField
from hosting.web.wording.logins import account_words
from hosting.web.wording.permissions import TOKEN_PERMISSIONS

_DAYS = (7, 30, USUAL_DAYS, 180, 365)


class TokenForm(KeptForm, forms.Form):
    name = NameField(
        label=gettext_lazy("Name"),
        also=names.OF_ACTOR,
        max_length=LONGEST_NAME,
        widget=forms.TextInput(attrs=QUIET),
        help_text=gettext_lazy("What this token is for, such as “nightly report”."),
    )
    permissions = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Permissions besides read"),
        coerce=Permission,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    reach = forms.ChoiceField(label=gettext_lazy("Access to"), initial="some", widget=forms.RadioSelect)
    accounts = forms.TypedMultipleChoiceField(
        label=gettext_lazy("Accounts"), coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    networks = forms.CharField(
        label=gettext_lazy("Allowed networks"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, **QUIET}),
        help_text=gettext_lazy("Addresses or networks, one per line. Leave empty to allow all networks."),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Expires after"),
        coerce=int,
        initial=USUAL_DAYS,
        help_text=gettext_lazy("All tokens expire. Create a new one before then."),
    )

    def __init__(
        self, *args: Any, permissions: Sequence[Permission], accounts: Sequence[Account], whole: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._grantable = frozenset(permissions)
        self._accounts = {account.pk: account for account in accounts}
        self._offer("days", [(days, _until(days)) for days in _DAYS])
        if offered := [permission for permission in TOKEN_PERMISSIONS if permission in permissions]:
            self._offer("permissions", [(permission.value, _explained(permission)) for permission in offered])
        else:
            del self.fields["permissions"]
        self._offer("reach", [("some", _("The accounts selected below")), ("all", whole)])
        if accounts:
            self.fields["accounts"].initial = list(self._accounts) if len(accounts) == 1 else ()
            self._offer("accounts", [(pk, account_words(account)) for pk, account in self._accounts.items()])
        else:
            self.fields["reach"].initial = "all"
            del self.fields["accounts"]

    def _offer(self, field: str, choices: list[Any]) -> None:
        self.fields[field].choices = choices  # type: ignore[attr-defined]

    def withheld(self) -> Permission | None:
        """A posted permission that the person lacks, which the form then doesn't offer."""
        posted = self.data.getlist("permissions") if isinstance(self.data, QueryDict) else []
        asked = [permission for permission in TOKEN_PERMISSIONS if permission in posted]
        return next((permission for permission in asked if permission not in self._grantable), None)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        chosen = data.get("accounts")
        if data.get("reach") == "some" and not chosen and "accounts" not in self.errors:
            self.add_error("accounts" if "accounts" in self.fields else "reach", _("Choose at least one account."))
        return data

    def chosen(self) -> list[Account] | None:
        """The accounts that the token is limited to; None for all."""
        if self.cleaned_data["reach"] == "all":
            return None
        return [self._accounts[pk] for pk in self.cleaned_data["accounts"]]


def _explained(permission: Permission) -> str:
    title, text = TOKEN_PERMISSIONS[permission]
    return format_html('{} <span class="choice-note">{}</span>', title, text)


def _until(days: int) -> str:
    """ "90 days, on 21 February 2027" """
    date = formats.date_format(timezone.localdate() + timedelta(days=days), "DATE_FORMAT")
    return _("%(days)s, on %(date)s") % {"days": ngettext("%d day", "%d days", days) % days, "date": date}
