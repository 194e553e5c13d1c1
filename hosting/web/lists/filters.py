"""The search and filters of lists. They are kept in the address."""

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext_lazy as _

from hosting.annotations.models import ObjectType, Tag
from hosting.annotations.tags import has_any
from hosting.inventory.models import Change, Disk, Vm
from hosting.operations.models.bulk import BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import FINAL, OPEN, State
from hosting.typed_numbers import identifier


class _TagField(django_filters.fields.ChoiceField):  # type: ignore[misc]
    def valid_value(self, value: object) -> bool:
        """Accept any value: a deleted tag must match no rows, rather than show all of them."""
        return True


class TagFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """Filters objects by a tag of the team, given by its number."""

    field_class = _TagField

    def __init__(self, object_type: ObjectType) -> None:
        super().__init__(label=_("Tag"), empty_label=_("Any tag"), choices=[])
        self.object_type = object_type

    def filter(self, rows: "QuerySet[Any]", value: Any) -> "QuerySet[Any]":
        if not value:
            return rows
        number = identifier(value)
        return rows.none() if number is None else rows.filter(has_any(self.object_type, [number]))


class TaggedFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """A filter set with the team's tags to choose from; without the field when the team has none."""

    def __init__(self, *args: Any, tags: Sequence[Tag] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["tag"].extra["choices"] = [(str(tag.pk), tag.name) for tag in tags]
        if not tags and not self.data.get("tag"):
            del self.filters["tag"]


class StateFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """One of the known states, or any other that the provider has."""

    _OTHER = "other"

    def __init__(self, states: type[TextChoices]) -> None:
        self._known = states.values
        choices = [*states.choices, (self._OTHER, _("Another state"))]
        super().__init__(choices=choices, empty_label=_("Any state"), label=_("State"))

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == self._OTHER:
            return qs.exclude(state__in=self._known)
        found: QuerySet[Any] = super().filter(qs, value)
        return found


class VmFilter(TaggedFilterSet):
    q = django_filters.CharFilter(field_name="hostname", lookup_expr="icontains", label=_("Search by host name"))
    state = StateFilter(Vm.State)
    tag = TagFilter(ObjectType.VM)

    class Meta:
        model = Vm
        fields: list[str] = []


class DiskFilter(TaggedFilterSet):
    q = django_filters.CharFilter(field_name="name", lookup_expr="icontains", label=_("Search by name"))
    state = StateFilter(Disk.State)
    tag = TagFilter(ObjectType.DISK)

    class Meta:
        model = Disk
        fields: list[str] = []


class OperationFilter(django_filters.FilterSet):  # type: ignore[misc]
    GROUPS = {
        "open": ([state.value for state in OPEN], _("In progress")),
        "held": ([State.HELD.value], _("Waiting for approval")),
        "done": ([State.DONE.value], _("Done")),
        "failed": ([state.value for state in FINAL - {State.DONE, State.CANCELLED}], _("Failed")),
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
        field_name="what", choices=Change.What.choices, empty_label=_("Any type of change"), label=_("Type of change")
    )

    class Meta:
        model = Change
        fields: list[str] = []
