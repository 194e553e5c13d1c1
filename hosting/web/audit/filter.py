"""The search and filters of the audit log. They are kept in the address."""

from datetime import datetime, time, timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.accounts.models import Account
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.typed_numbers import identifier
from hosting.web.audit.wording import GROUPS, OUTCOMES
from hosting.web.wording.words import OBJECT_TYPES

_SHAREDECK = "sharedeck"


class _AnyChoiceField(django_filters.fields.ChoiceField):  # type: ignore[misc]
    def valid_value(self, value: object) -> bool:
        """Accept any value: former members are not offered as choices, but links that filter by them keep working."""
        return True


class _NumberFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """Filters rows by a number from the address."""

    field_class = _AnyChoiceField

    def filter(self, rows: "QuerySet[AuditEntry]", value: Any) -> "QuerySet[AuditEntry]":
        if not value:
            return rows
        if self.field_name == "actor" and value == _SHAREDECK:
            return rows.filter(actor=None, token_id=None, address="")
        number = identifier(value)
        return rows.none() if number is None else rows.filter(**{self.field_name: number})


def _day(label: Any, method: str) -> django_filters.DateFilter:
    widget = forms.DateInput({"type": "date", "class": "form-control"}, format="%Y-%m-%d")
    return django_filters.DateFilter(label=label, widget=widget, method=method)


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="search", label=gettext_lazy("Search by object or person"))
    group = django_filters.ChoiceFilter(
        choices=[(name, label) for name, (label, _begins) in GROUPS.items()],
        empty_label=gettext_lazy("Any action"),
        label=gettext_lazy("Action"),
        method="in_group",
    )
    who = _NumberFilter(
        field_name="actor", label=gettext_lazy("Person"), empty_label=gettext_lazy("Anyone"), choices=[]
    )
    account = _NumberFilter(
        field_name="account_id", label=gettext_lazy("Account"), empty_label=gettext_lazy("Any account"), choices=[]
    )
    outcome = django_filters.ChoiceFilter(
        choices=list(OUTCOMES.items()), empty_label=gettext_lazy("Any outcome"), label=gettext_lazy("Outcome")
    )
    since = _day(gettext_lazy("From"), "from_day")
    until = _day(gettext_lazy("To"), "to_day")
    thing = django_filters.CharFilter(widget=forms.HiddenInput, max_length=60)
    operation = _NumberFilter(field_name="operation_id", widget=forms.HiddenInput, choices=[])

    class Meta:
        model = AuditEntry
        fields: list[str] = []

    def __init__(self, *args: Any, member: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = Membership.objects.filter(team=member.team_id).select_related("user").order_by("user__name", "user_id")
        self.filters["who"].extra["choices"] = [
            *((str(each.user_id), str(each.user)) for each in people),
            (_SHAREDECK, "Sharedeck"),
        ]
        accounts = Account.objects.visible_to(member).values_list("pk", "label")
        self.filters["account"].extra["choices"] = [(str(pk), label) for pk, label in accounts]

    @property
    def only(self) -> str:
        """The object that the audit log is filtered by, in words."""
        data = self.form.cleaned_data if self.form.is_valid() else {}
        if data.get("operation"):
            return _("operation #%(number)s") % {"number": data["operation"]}
        if thing := data.get("thing"):
            kind, _colon, number = thing.partition(":")
            if thing == "login":
                return _("credentials of the account")
            return f"{OBJECT_TYPES.get(kind, kind)} #{number}"
        return ""

    def search(self, rows: "QuerySet[AuditEntry]", _name: str, value: str) -> "QuerySet[AuditEntry]":
        return rows.filter(Q(subject__icontains=value) | Q(actor_name__icontains=value))

    def in_group(self, rows: "QuerySet[AuditEntry]", _name: str, value: str) -> "QuerySet[AuditEntry]":
        wanted = Q()
        for begin in GROUPS[value][1]:
            wanted |= Q(action__startswith=begin)
        return rows.filter(wanted)

    def from_day(self, rows: "QuerySet[AuditEntry]", _name: str, value: Any) -> "QuerySet[AuditEntry]":
        return rows.filter(at__gte=_midnight(value))

    def to_day(self, rows: "QuerySet[AuditEntry]", _name: str, value: Any) -> "QuerySet[AuditEntry]":
        return rows.filter(at__lt=_midnight(value + timedelta(days=1)))


def _midnight(day: Any) -> datetime:
    """Midnight of a day in the reader's zone."""
    return timezone.make_aware(datetime.combine(day, time.min))
