"""Lists: their columns, what they can be sorted by, and their pages.

A page takes a fixed number of queries: `related` names what is joined to its rows, and there is no COUNT (`table`).
A row is rendered by its `row_template`, which is many times faster than a template for each cell.
"""

from typing import Any

import django_tables2 as tables
from django.core.paginator import InvalidPage
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_tables2.paginators import LazyPaginator
from django_tables2.rows import BoundRows

from hosting.typed_numbers import identifier

PER_PAGE = 50


def Fixed(label: Any, accessor: str) -> tables.Column:  # noqa: N802 - it stands where a column class would
    """A column that can't be sorted by."""
    return tables.Column(verbose_name=label, accessor=accessor, orderable=False)


class List(tables.Table):  # type: ignore[misc]
    """Base of all lists: the template of a row, and what is read with each row."""

    row_template = ""
    related: tuple[str, ...] = ()


class ServerTable(List):
    row_template = "hosting/rows/server.html"

    hostname = tables.Column(verbose_name=_("Server"), order_by=("hostname", "id"))
    state = tables.Column(verbose_name=_("State"), order_by=("state", "hostname", "id"))
    shares = tables.Column(verbose_name=_("Size"), order_by=("shares", "hostname", "id"))
    address = Fixed(_("Address"), "ifaces")
    actions = Fixed(_("Actions"), "remote_id")


class DiskTable(List):
    row_template = "hosting/rows/disk.html"

    name = tables.Column(verbose_name=_("Disk"), order_by=("name", "id"))
    state = tables.Column(verbose_name=_("State"), order_by=("state", "name", "id"))
    size_mb = tables.Column(verbose_name=_("Size"), order_by=("size_mb", "name", "id"))
    fstype = tables.Column(verbose_name=_("File system"), order_by=("fstype", "name", "id"))
    server = Fixed(_("Server"), "vm_remote_id")
    actions = Fixed(_("Actions"), "remote_id")


class ProductTable(List):
    row_template = "hosting/rows/product.html"

    product = tables.Column(verbose_name=_("Product"), accessor="product_name", order_by=("product_name", "id"))
    quantity = tables.Column(verbose_name=_("Quantity"), order_by=("quantity", "id"))
    date_end = tables.Column(verbose_name=_("Ends"), order_by=("date_end", "id"))
    actions = Fixed(_("Actions"), "remote_id")


class OperationTable(List):
    row_template = "hosting/rows/operation.html"
    related = ("requested_by", "requested_through", "decided_by")

    what = tables.Column(verbose_name=_("Operation"), accessor="kind", order_by=("kind", "subject", "id"))
    state = tables.Column(verbose_name=_("State"), order_by=("state", "created_at", "id"))
    cost = Fixed(_("Cost"), "cost")
    remote_id = tables.Column(verbose_name=_("Provider ID"), order_by=("remote_id", "id"))
    who = Fixed(_("Requested by"), "origin")
    created_at = tables.Column(verbose_name=_("When"), order_by=("created_at", "id"))


class DecisionTable(List):
    row_template = "hosting/rows/decision.html"
    related = ("requested_by", "decided_by", "account")

    what = tables.Column(verbose_name=_("Operation"), accessor="kind", order_by=("kind", "subject", "id"))
    decision = Fixed(_("Decision"), "state")
    who = Fixed(_("Requested by"), "requested_by")
    decided_at = tables.Column(verbose_name=_("When"), order_by=("decided_at", "id"))


class BulkRowTable(List):
    row_template = "hosting/rows/bulk_row.html"
    related = ("operation",)

    subject = tables.Column(verbose_name=_("Object"), order_by=("subject", "id"))
    state = tables.Column(verbose_name=_("State"), order_by=("state", "id"))
    problem = Fixed(_("Problem"), "problem")


class ChangeTable(List):
    row_template = "hosting/rows/change.html"

    at = tables.Column(verbose_name=_("Seen"), order_by=("at", "id"))
    name = tables.Column(verbose_name=_("Object"), order_by=("name", "id"))
    what = tables.Column(verbose_name=_("Type of change"), order_by=("what", "id"))


class AuditTable(List):
    row_template = "hosting/rows/audit.html"
    related = ("actor",)

    at = tables.Column(verbose_name=_("When"), order_by=("sequence",))
    who = Fixed(_("Person"), "actor_name")
    what = Fixed(_("Action"), "action")
    subject = Fixed(_("Object"), "subject")
    outcome = Fixed(_("Outcome"), "outcome")


class _Found:
    """The rows of a table, to be sliced into pages.

    The ids of a page are found with an index alone, even for the last of thousands of pages or a search with few
    matches. The rows of these ids are read in the same statement.
    """

    def __init__(self, shown: List) -> None:
        self._table = shown

    def __getitem__(self, part: slice) -> BoundRows:
        ordered: QuerySet[Any] = self._table.data.data
        rows = ordered.model._default_manager.filter(pk__in=ordered.values("pk")[part])
        if self._table.related:
            rows = rows.select_related(*self._table.related)
        return BoundRows(rows.order_by(*ordered.query.order_by), table=self._table)


def table(
    request: HttpRequest, table_class: type[Any], rows: QuerySet[Any], *, order_by: str, empty_text: object = ""
) -> Any:
    """A page of `rows`, ordered as the address says. No COUNT: a page asks for one row more than it shows."""
    made = table_class(rows, order_by=order_by, empty_text=empty_text)
    # One column only: an address could name more than a database can sort by.
    for alias in request.GET.getlist(made.prefixed_order_by_field)[:1]:
        if alias.removeprefix("-") in made.base_columns:
            made.order_by = alias
    # Not by django_tables2, which would let the address choose the number of rows per page.
    number = identifier(request.GET.get(made.prefixed_page_field, "")) or 1
    made.paginator = LazyPaginator(_Found(made), PER_PAGE)
    try:
        # Reject numbers that are too large for the database.
        made.page = made.paginator.page(number if number < 10**15 else 1)
    except InvalidPage:
        made.page = made.paginator.page(1)
    return made
