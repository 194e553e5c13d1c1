"""The state of a list in its address (filters and order), and the saved views of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from hosting.annotations import saved_views
from hosting.annotations.models import SavedView, Tag
from hosting.web.access.scope import AccountRequest
from hosting.web.lists.filters import ChangeFilter, DiskFilter, OperationFilter, VmFilter
from hosting.web.lists.tables import ChangeTable, DiskTable, OperationTable, ProductTable, ServerTable

# Saved views shown above a list. All of them are on their own page.
SHOWN = 8

_FILTERS: Mapping[str, type[Any]] = {
    "servers": VmFilter,
    "disks": DiskFilter,
    "operations": OperationFilter,
    "changes": ChangeFilter,
}
_TABLES: Mapping[str, type[Any]] = {
    "servers": ServerTable,
    "disks": DiskTable,
    "shares": ProductTable,
    "operations": OperationTable,
    "changes": ChangeTable,
}


@dataclass(frozen=True)
class Views:
    """The saved views of a list, and the query of the current page: empty for the default list."""

    section: str
    views: Sequence[SavedView]
    query: str

    @property
    def shown(self) -> Sequence[SavedView]:
        return self.views[:SHOWN]

    @property
    def more(self) -> bool:
        return len(self.views) > SHOWN

    @property
    def is_saved(self) -> bool:
        return any(view.query == self.query for view in self.views)


def views(request: AccountRequest, section: str) -> Views:
    """The saved views of a list for its reader, in one query."""
    return Views(section, saved_views.of_list(section, by=request.member), query_of(section, request.GET))


def query_of(section: str, wanted: QueryDict) -> str:
    """The part of an address that the list understands, in a fixed order, without the rest."""
    known: list[tuple[str, str]] = []
    if section in _FILTERS:
        form = _FILTERS[section](wanted).form
        form.is_valid()
        known = [(name, str(value)) for name, value in sorted(form.cleaned_data.items()) if value]
    columns = _TABLES[section].base_columns
    for alias in wanted.getlist("sort")[:1]:
        column = columns.get(alias.removeprefix("-"))
        if column is not None and column.orderable is not False:
            known.append(("sort", alias))
    return urlencode(known)


def in_words(section: str, query: str, known: Sequence[Tag]) -> list[tuple[str, str]]:
    """The filters and order of a query, for people: (“State”, “Stopped”)."""
    wanted = QueryDict(query)
    words = []
    if section in _FILTERS:
        form = _FILTERS[section](wanted).form
        for name, field in form.fields.items():
            if value := wanted.get(name):
                words.append((str(field.label), _in_words(name, value, field, known)))
    if alias := wanted.get("sort"):
        column = _TABLES[section].base_columns.get(alias.removeprefix("-"))
        if column is not None:
            words.append((_("Sorted by"), f"{column.verbose_name} {'↓' if alias.startswith('-') else '↑'}"))
    return words


def _in_words(name: str, value: str, field: Any, known: Sequence[Tag]) -> str:
    if name == "tag":
        return next((tag.name for tag in known if str(tag.pk) == value), _("deleted tag"))
    return str(dict(getattr(field, "choices", ())).get(value, value))
