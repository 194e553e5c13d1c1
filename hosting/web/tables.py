"""The lists. Cells with more than a word in them are templates in `templates/hosting/columns/`."""

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from django_tables2.paginators import LazyPaginator

from hosting.web.scope import AccountRequest

PER_PAGE = 50


class Cell(tables.TemplateColumn):  # type: ignore[misc]
    """A column drawn by `hosting/columns/<name>.html`."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        kwargs.setdefault("orderable", False)
        super().__init__(template_name=f"hosting/columns/{name}.html", **kwargs)


class ServerTable(tables.Table):  # type: ignore[misc]
    hostname = Cell("server_name", verbose_name=_("Server"), orderable=True, order_by=("hostname", "id"))
    state = Cell("state", verbose_name=_("State"), orderable=True, order_by=("state", "hostname"))
    shares = Cell("server_size", verbose_name=_("Size"), orderable=True, order_by=("shares", "hostname"))
    os_label = tables.Column(verbose_name=_("System"), order_by=("os_label", "hostname"))
    address = Cell("server_address", verbose_name=_("Address"), accessor="ifaces")
    actions = Cell("server_actions", verbose_name=_("Actions"), accessor="remote_id")


class DiskTable(tables.Table):  # type: ignore[misc]
    name = Cell("disk_name", verbose_name=_("Disk"), orderable=True, order_by=("name", "id"))
    state = Cell("state", verbose_name=_("State"), orderable=True, order_by=("state", "name"))
    size_mb = Cell("disk_size", verbose_name=_("Size"), orderable=True, order_by=("size_mb", "name"))
    fstype = tables.Column(verbose_name=_("File system"), order_by=("fstype", "name"))
    server = Cell("disk_server", verbose_name=_("Server"), accessor="remote_id")
    actions = Cell("disk_actions", verbose_name=_("Actions"), accessor="remote_id")


class ProductTable(tables.Table):  # type: ignore[misc]
    product = Cell("product_name", verbose_name=_("Product"), accessor="product_name", orderable=True)
    quantity = Cell("product_quantity", verbose_name=_("Quantity"), orderable=True)
    date_end = Cell("product_end", verbose_name=_("Ends"), orderable=True)
    actions = Cell("product_actions", verbose_name=_("Actions"), accessor="remote_id")


class OperationTable(tables.Table):  # type: ignore[misc]
    what = Cell("operation_what", verbose_name=_("Operation"), accessor="kind", orderable=True)
    state = Cell("operation_state", verbose_name=_("State"), orderable=True)
    who = Cell("operation_who", verbose_name=_("Asked by"), accessor="origin")
    created_at = Cell("operation_when", verbose_name=_("When"), orderable=True, order_by=("created_at", "id"))


class ChangeTable(tables.Table):  # type: ignore[misc]
    at = Cell("change_when", verbose_name=_("Seen"), orderable=True, order_by=("at", "id"))
    name = Cell("change_object", verbose_name=_("Object"), orderable=True)
    what = Cell("change_what", verbose_name=_("What happened"), orderable=True)


def table(
    request: AccountRequest, table_class: type[Any], rows: QuerySet[Any], *, order_by: str, empty_text: object = ""
) -> Any:
    """A page of `rows`, ordered as the address says. No COUNT: a page asks for one row more than it shows."""
    made = table_class(rows, order_by=order_by, empty_text=empty_text)
    tables.RequestConfig(request, paginate={"per_page": PER_PAGE, "paginator_class": LazyPaginator}).configure(made)
    return made
