"""Spending limits, and the decision on an operation that exceeds one."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.operations.kinds.rules import MAX_INT
from hosting.operations.models.operation import MAX_COMMENT
from hosting.teams.policies.models import SPENDING_ROLES, SpendingLimit
from hosting.teams.policies.spending_limits import Limits
from hosting.teams.roles import Role
from hosting.typed_numbers import between
from hosting.web.forms.base import ChangeForm, KeptForm
from hosting.web.forms.names import TextField
from hosting.web.forms.numbers import MoneyField, WholeField

_MONEY = SpendingLimit._meta.get_field("money")


class SpendingLimitsForm(ChangeForm):
    """Shares and money for each role that may spend; an empty field means no limit."""

    def __init__(
        self, *args: Any, limits: Mapping[str, Limits], need_second_owner: bool, has_second: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        for role in SPENDING_ROLES:
            name = {"role": Role(role).label}
            self.fields[f"{role}_shares"] = WholeField(
                label=_("%(role)s: shares per month") % name,
                required=False,
                validators=[between(0, MAX_INT, _("Enter %(least)s to %(most)s shares."))],
                initial=limits[role].shares,
                help_text=_("Leave empty for no limit. 0 means everything needs approval."),
            )
            self.fields[f"{role}_money"] = MoneyField(
                label=_("%(role)s: money per month") % name,
                required=False,
                max_digits=_MONEY.max_digits,
                decimal_places=_MONEY.decimal_places,
                initial=limits[role].money,
                help_text=_("In the currency of each account. Each currency is counted separately."),
            )

        # Without a second owner it says nothing yet.
        if has_second:
            self.fields["second_owner"] = forms.BooleanField(
                label=_("Raising or removing a limit needs another owner"),
                required=False,
                initial=need_second_owner,
                help_text=_("Turning this off needs another owner too. Lower limits apply at once."),
            )

    def need_second_owner(self) -> bool | None:
        """Whether raising a limit needs another owner; None when the form does not ask."""
        asked: bool | None = self.cleaned_data.get("second_owner")
        return asked

    def limits(self) -> dict[str, Limits]:
        data = self.cleaned_data
        return {role: Limits(data[f"{role}_shares"], data[f"{role}_money"]) for role in SPENDING_ROLES}

    def lacks_approver(self, roles: frozenset[str]) -> None:
        """Show beside the fields of these roles that nobody else could approve operations above the limit."""
        words = _(
            "Nobody else could approve operations above this limit. Give another member the "
            "role Owner or Billing first."
        )
        for role in sorted(roles):
            fields = [f"{role}_{name}" for name in ("shares", "money")]
            self.add_error(next(name for name in fields if self.cleaned_data.get(name) is not None), words)


class DecisionForm(KeptForm, forms.Form):
    """The comment of a decision, for the requester and the audit log."""

    comment = TextField(
        label=gettext_lazy("Comment"),
        required=False,
        max_length=MAX_COMMENT,
        rows=2,
        help_text=gettext_lazy("The requester can read this comment. It stays with the operation."),
    )
