"""What lists can be searched and filtered by; it all stays in the address."""

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from hosting.inventory.models import Change, Disk, Vm
from hosting.operations.bulk_models import BulkRow
from hosting.operations.models import Operation
from hosting.operations.states import FINAL, OPEN, State


class VmFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(field_name="hostname", lookup_expr="icontains", label=_("Search by host name"))
    state = django_filters.ChoiceFilter(choices=Vm.State.choices, empty_label=_("Any state"), label=_("State"))

    class Meta:
        model = Vm
        fields: list[str] = []


class DiskFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Search by name"))
    state = django_filters.ChoiceFilter(choices=Disk.State.choices, empty_label=_("Any state"), label=_("State"))

    class Meta:
        model = Disk
        fields: list[str] = []


class OperationFilter(django_filters.FilterSet):  # type: ignore[misc]
    GROUPS = {
        "open": ([state.value for state in OPEN], _("In progress")),
        "done": ([State.DONE.value], _("Done")),
        "failed": ([state.value for state in FINAL - {State.DONE, State.CANCELLED}], _("Not done")),
        "uncertain": ([State.UNCERTAIN.value], _("Unconfirmed")),
        "cancelled": ([State.CANCELLED.value], _("Cancelled")),
    }
    q = django_filters.CharFilter(field_name="subject", lookup_expr="icontains", label=_("Search by name"))
    state = django_filters.ChoiceFilter(
        choices=[(name, label) for name, (_states, label) in GROUPS.items()],
        empty_label=_("Any state"),
        label=_("State"),
        method="in_group",
    )

    class Meta:
        model = Operation
        fields: list[str] = []

    def in_group(self, queryset: QuerySet[Operation], _name: str, value: Any) -> QuerySet[Operation]:
        return queryset.filter(state__in=self.GROUPS[value][0])


class BulkRowFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(field_name="subject", lookup_expr="icontains", label=_("Search by name"))
    state = django_filters.ChoiceFilter(choices=BulkRow.State.choices, empty_label=_("Any state"), label=_("State"))

    class Meta:
        model = BulkRow
        fields: list[str] = []


class ChangeFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Search by name"))
    state = django_filters.ChoiceFilter(
        field_name="what", choices=Change.What.choices, empty_label=_("Any change"), label=_("Change")
    )

    class Meta:
        model = Change
        fields: list[str] = []
