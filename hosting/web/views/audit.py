"""The audit log of a team, as a page, CSV or JSON."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from hosting.teams.audit import chain
from hosting.teams.audit.log import record
from hosting.teams.audit.models import AuditEntry
from hosting.teams.roles import Permission
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.audit import lines
from hosting.web.audit.filter import AuditFilter
from hosting.web.lists import csv_export
from hosting.web.lists.tables import AuditTable, table
from hosting.web.pages.render import team_page as render_page

_CHUNK = 2_000
# All columns that the digest covers, so that a file can be verified by itself. The team is the same for a whole file.
_COLUMNS = (*(column for column in (*chain.COLUMNS, *chain.ADDED) if column != "team_id"), "digest")


@require_safe
@team_page
def index(request: TeamRequest) -> HttpResponseBase:
    """The audit log of the team; for a role limited to some accounts, that of these accounts."""
    member = request.member
    member.require(Permission.READ_AUDIT)
    found = AuditFilter(request.GET, queryset=AuditEntry.objects.visible_to(member), member=member)
    entries = table(request, AuditTable, found.qs, order_by="-at")
    wanted = request.GET.get("format")
    if wanted in ("csv", "json"):
        record(
            member.team,
            by=member,
            action="trail.exported",
            subject=member.team.name,
            query=request.GET.urlencode()[:500],
            format=wanted,
        )
        return _as_file(request, found.qs.order_by("sequence").iterator(_CHUNK), wanted)
    shown = [row.record for row in entries.paginated_rows]
    context = {
        "table": entries,
        "filter": found,
        "lines": {line.entry.pk: line for line in lines.lines_of(shown, member)},
        "only": found.only,
        "as_json": True,
        "search_button": True,
    }
    return render_page(request, "audit", context, tab="audit")


def _as_file(request: TeamRequest, rows: Iterable[AuditEntry], wanted: str) -> HttpResponseBase:
    name = f"audit-{request.member.team.name}"
    if wanted == "csv":
        return csv_export.as_file(rows, [(column, _cell(column)) for column in _COLUMNS], name=name)
    response = StreamingHttpResponse(_json(rows), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{slugify(name) or "audit"}.json"'
    return response


def _cell(column: str) -> Any:
    """The value of a column for spreadsheets."""

    def value(entry: AuditEntry) -> object:
        found = getattr(entry, column)
        if column == "at":
            return found.astimezone(UTC).isoformat(timespec="microseconds")
        return json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) else found

    return value


def _json(rows: Iterable[AuditEntry]) -> Iterator[str]:
    """The entries as a JSON list, one per line, streamed while they are read."""
    before = "[\n"
    for entry in rows:
        told = {column: getattr(entry, column) for column in _COLUMNS}
        yield before + json.dumps(told, default=_exact, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _exact(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")
