"""Lists as CSV: every row that matches the filters, in the order of the list, with exact values."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.text import slugify

from hosting.accounts.models import Account
from hosting.operations.models.requesters import requester_name
from hosting.operations.models.states import State
from hosting.teams.audit.log import record
from hosting.web.access.scope import TeamRequest
from hosting.web.wording.words import addresses

Column = tuple[str, Callable[[Any], object]]

# Spreadsheets treat a cell as a formula when it starts with one of these signs, after characters that they skip.
# Japanese spreadsheets accept the full-width signs too. A cell starts after every mark that somebody's spreadsheet may
# separate by, whatever is quoted: many split at semicolons or tabs.
_FORMULA = re.compile(r"""(^|[,;\t\r\n])([\s"']*)(?=[=+\-@＝＋－＠])""")
_BLANK = ("\t", "\r", "\n")
_CHUNK = 2_000

SERVERS: Sequence[Column] = (
    ("id", lambda vm: vm.remote_id),
    ("hostname", lambda vm: vm.hostname),
    ("state", lambda vm: vm.state),
    ("os", lambda vm: vm.os_label),
    ("shares", lambda vm: vm.shares),
    ("cores", lambda vm: vm.cores),
    ("memory_mb", lambda vm: vm.memory_mb),
    ("max_memory_mb", lambda vm: vm.vm_max_memory_mb),
    ("addresses", lambda vm: " ".join(addresses(vm.ifaces))),
    ("created", lambda vm: vm.date_created),
)
DISKS: Sequence[Column] = (
    ("id", lambda disk: disk.remote_id),
    ("name", lambda disk: disk.name),
    ("state", lambda disk: disk.state),
    ("size_mb", lambda disk: disk.size_mb),
    ("fstype", lambda disk: disk.fstype),
    ("server_id", lambda disk: disk.vm_remote_id),
    ("position", lambda disk: disk.position),
    ("is_boot_disk", lambda disk: disk.is_boot_disk),
    ("created", lambda disk: disk.date_created),
)
PRODUCTS: Sequence[Column] = (
    ("id", lambda product: product.remote_id),
    ("product", lambda product: product.product_name),
    ("quantity", lambda product: product.quantity),
    ("duration", lambda product: product.duration),
    ("created", lambda product: product.date_created),
    ("ends", lambda product: product.date_end),
    ("in_redemption", lambda product: product.is_in_redemption),
)
OPERATIONS: Sequence[Column] = (
    ("id", lambda operation: operation.pk),
    ("provider_id", lambda operation: operation.remote_id),
    ("method", lambda operation: operation.kind),
    ("object", lambda operation: operation.subject),
    ("state", lambda operation: operation.state),
    ("origin", lambda operation: operation.origin),
    ("asked_by", requester_name),
    ("asked", lambda operation: operation.created_at),
    ("decided_by", lambda operation: operation.decided_by),
    ("decided", lambda operation: operation.decided_at),
    ("sent", lambda operation: operation.sent_at),
    ("finished", lambda operation: operation.finished_at),
    ("cost", lambda operation: operation.cost),
)
DECISIONS: Sequence[Column] = (
    ("id", lambda operation: operation.pk),
    ("account", lambda operation: operation.account),
    ("method", lambda operation: operation.kind),
    ("object", lambda operation: operation.subject),
    ("decision", lambda operation: "declined" if operation.state == State.DECLINED else "approved"),
    ("state", lambda operation: operation.state),
    ("asked_by", lambda operation: operation.requested_by),
    ("requested_as", lambda operation: operation.requested_as),
    ("asked", lambda operation: operation.created_at),
    ("estimate", lambda operation: operation.estimate),
    ("cost", lambda operation: operation.cost),
    ("currency", lambda operation: operation.currency),
    ("decided_by", lambda operation: operation.decided_by),
    ("decided", lambda operation: operation.decided_at),
    ("comment", lambda operation: operation.decision_comment),
)
BULK_ROWS: Sequence[Column] = (
    ("id", lambda row: row.object_id),
    ("object", lambda row: row.subject),
    ("state", lambda row: row.state),
    ("problem", lambda row: row.problem),
    ("operation", lambda row: row.operation_id),
)
CHANGES: Sequence[Column] = (
    ("seen", lambda change: change.at),
    ("what", lambda change: change.what),
    ("type", lambda change: change.object_type),
    ("id", lambda change: change.remote_id),
    ("name", lambda change: change.name),
    ("before", lambda change: change.before or ""),
    ("after", lambda change: change.after or ""),
)
BALANCE: Sequence[Column] = (
    ("from", lambda sample: sample.at),
    ("balance", lambda sample: sample.balance),
)
CAPACITY: Sequence[Column] = (
    ("from", lambda sample: sample.at),
    *(
        (name, attrgetter(name))
        for name in (
            "granted_shares",
            "used_shares",
            "granted_memory_mb",
            "used_memory_mb",
            "granted_disk_mb",
            "used_disk_mb",
        )
    ),
)
OUTCOMES: Sequence[Column] = (
    ("from", lambda slot: slot.first),
    ("done", lambda slot: slot.counts["done"]),
    ("not_done", lambda slot: slot.counts["failed"]),
    ("unconfirmed", lambda slot: slot.counts["uncertain"]),
    ("cancelled", lambda slot: slot.counts["cancelled"]),
)


def wanted(request: HttpRequest) -> bool:
    """Whether the whole list is requested as CSV."""
    return request.GET.get("format") == "csv"


def operations(account: Account) -> Sequence[Column]:
    """The columns of operations, with the currency of their costs."""
    info = getattr(account, "info", None)
    currency = info.currency if info else ""
    return *OPERATIONS, ("currency", lambda operation: "" if operation.cost is None else currency)


def as_csv(request: TeamRequest, table: Any, columns: Sequence[Column], *, name: str) -> StreamingHttpResponse:
    """All rows of a list (see `tables.table`) as a stream, so that memory does not grow with their number."""
    rows = table.data.data.select_related(*table.related).iterator(_CHUNK)
    return stream(request, rows, columns, name=name)


def stream(request: TeamRequest, rows: Iterable[Any], columns: Sequence[Column], *, name: str) -> StreamingHttpResponse:
    """Stream rows as a file, and record the export in the audit log."""
    member, account = request.member, getattr(request, "account", None)
    record(
        member.team_id,
        by=member,
        action="list.exported",
        subject=account.label if account else member.team.name,
        account=account.pk if account else None,
        list=request.resolver_match.url_name if request.resolver_match else "",
        query=request.GET.urlencode()[:500],
        format="csv",
    )
    return as_file(rows, columns, name=name)


def as_file(rows: Iterable[Any], columns: Sequence[Column], *, name: str) -> StreamingHttpResponse:
    """Stream rows as a file while they are read."""
    response = StreamingHttpResponse(_lines(rows, columns), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(name) or "list"}.csv"'
    return response


class _Line:
    """A file for `csv.writer` that returns each line."""

    def write(self, line: str) -> str:
        return line


def _lines(rows: Iterable[Any], columns: Sequence[Column]) -> Iterator[str]:
    # Texts are quoted, so that what looks like a number or a date in them stays what it is.
    writer = csv.writer(_Line(), quoting=csv.QUOTE_NONNUMERIC)
    yield writer.writerow([name for name, _value in columns])
    for row in rows:
        yield writer.writerow([_cell(value(row)) for _name, value in columns])


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, int | float | Decimal):
        return value
    text = _FORMULA.sub(r"\1\2'", str(value))
    return f"'{text}" if text.startswith(_BLANK) else text
