"""Icons, badges of states, and bars. Rendered without templates, because lists hold many of them."""

from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from django.db.models import Model
from django.template.context import Context
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hosting.inventory.capacity import Capacity
from hosting.operations.kinds import catalogue
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import State
from hosting.web.wording.formats import plain, size
from hosting.web.wording.isolation import bdi
from hosting.web.wording.registry import register
from hosting.web.wording.words import operation_title

# The colour of each state's dot. The label beside it says the same.
COLORS = {
    "running": "green",
    "attached": "green",
    "done": "green",
    "works": "green",
    "created": "blue",
    "halted": "grey",
    "draft": "grey",
    "cancelled": "grey",
    "abandoned": "grey",
    "deleted": "grey",
    "vanished": "grey",
    "revoked": "grey",
    "expired": "grey",
    "left": "grey",
    "inactive": "grey",
    "paused": "orange",
    "locked": "orange",
    "uncertain": "orange",
    "stopped": "orange",
    "released": "orange",
    "not_sent": "orange",
    "held": "orange",
    "declined": "red",
    "changed": "blue",
    "appeared": "green",
    "invalid": "red",
    "error": "red",
    "failed": "red",
    "refused": "red",
}

MOVING = {"being_created", "waiting", "sending", "answered", "tracked"}


@register.simple_tag
@cache
def icon(name: str, size: int) -> str:
    """A decorative icon that screen readers skip: the words beside it say the same. Cached.

    Raises:
        KeyError: Lucide has no icon of this name.
    """
    shape = _icons().read(f"{name}.svg").decode().partition(">")[2]
    return SafeString(
        f'<svg width="{size}" height="{size}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
        f' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{shape}'
    )


@cache
def _icons() -> ZipFile:
    """Lucide's icons, opened once. Its own template tag opens them anew for each icon, which takes 15 ms."""
    return ZipFile(BytesIO(files("lucide").joinpath("lucide.zip").read_bytes()))


@register.simple_tag
def state(thing: Any, label: object = "") -> str:
    """The badge of a state: of an object with a `state`, or of a state value with its label."""
    name = "state" if hasattr(thing, "state") else "what"
    value = getattr(thing, name, None) or str(thing)
    if not label:
        known = _choices(type(thing), name, get_language()) if isinstance(thing, Model) else {}
        label = known.get(value) or bdi(value)
    if value == State.TRACKED and getattr(thing, "remote_state", "") == "PENDING":
        label = _("Queued at the provider")
    moving = value in MOVING or (isinstance(thing, Plan | Bulk | BulkRow) and value == "running")
    return _badge("blue state-moving" if moving else COLORS.get(value, "blue"), str(label))


@cache
def _choices(model: type[Model], name: str, _language: str | None) -> dict[str, str]:
    """The labels of a field's values, in the language of the page."""
    return {str(value): str(label) for value, label in model._meta.get_field(name).flatchoices}  # type: ignore[union-attr]


@lru_cache(maxsize=1024, typed=True)
def _badge(color: str, label: str) -> SafeString:
    return format_html('<span class="state state-{}">{}</span>', color, label)


@register.simple_tag
def progress(operation: Operation) -> str:
    """The progress bar of an open operation; the browser moves it between polls. Empty for a held one."""
    if operation.state == State.HELD:
        return ""
    label = _("Progress of “%(what)s”") % {"what": operation_title(operation)}
    started, eta = operation.started_at, operation.eta_at
    if not started or not eta or eta <= started:
        return format_html('<span class="progress-line"><progress max="100" aria-label="{}"></progress></span>', label)
    return format_html(
        '<span class="progress-line">'
        '<progress max="100" value="{0}" aria-label="{1}" data-started="{2}" data-eta="{3}"></progress>'
        '<span class="progress-text" data-percent>{0} %</span></span>',
        operation.progress_percent(timezone.now()),
        label,
        int(started.timestamp() * 1000),
        int(eta.timestamp() * 1000),
    )


@register.inclusion_tag("hosting/components/gauge.html")
def gauge(used: float, reserved: float, total: float, label: str) -> dict[str, object]:
    """A bar in three parts: used, reserved, free."""
    scale = 100 / total if total > 0 else 0
    used_width = max(0.0, min(100.0, used * scale))
    reserved_width = max(0.0, min(100.0 - used_width, reserved * scale))
    return {
        "used": f"{used_width:.2f}",
        "reserved": f"{reserved_width:.2f}",
        "reserved_from": f"{used_width:.2f}",
        "label": label,
    }


@register.inclusion_tag("hosting/components/resource_gauge.html")
def resource_gauge(capacity: Capacity, name: str) -> dict[str, object]:
    """The account's free, used and reserved shares, memory or disk, in words and as a bar."""
    title, said = {"shares": (_("Shares"), plain), "memory_mb": (_("Memory"), size), "disk_mb": (_("Disk"), size)}[name]
    sides = ("used", "reserved", "granted", "expired", "free")
    amounts = {side: getattr(getattr(capacity, side), name) for side in sides}
    words = {side: said(amount) for side, amount in amounts.items()}
    label = _("%(title)s: %(used)s of %(granted)s used, %(reserved)s pending") % {"title": title, **words}
    return {"title": title, "amounts": amounts, "label": label, **words}


@register.simple_tag(takes_context=True)
def open_operation_on(context: Context, kind: str, remote_id: int) -> Operation | None:
    """The open operation on an object, from the page's `open`."""
    operations: Mapping[str, Operation] = context.get("open") or {}
    return operations.get(f"{kind}:{remote_id}")


@register.simple_tag(takes_context=True)
def row_url(context: Context, name: str, number: int) -> str:
    """The address of an object of the page's account: a faster `{% url %}` for lists."""
    before, after = _around(name, context["account"].pk, get_script_prefix())
    return f"{before}{number}{after}"


@lru_cache(maxsize=1024)
def _around(name: str, account_id: int, _prefix: str) -> tuple[str, str]:
    """The parts of an address before and after the object's number."""
    before, _number, after = reverse(name, args=[account_id, 0]).rpartition("/0/")
    return f"{before}/", f"/{after}"


@register.simple_tag
def row_operation(operation: Operation) -> str:
    """The open operation on the object of a row, shown in place of its buttons."""
    return format_html(
        '<span class="row-operation"><a href="{}">{}</a>{}</span>',
        reverse("operation", args=[operation.account_id, operation.pk]),
        bdi(catalogue.title(operation.kind)),
        progress(operation) if operation.state == State.TRACKED else state(operation),
    )


@register.simple_tag
def column_labels(table: Any) -> dict[str, str]:
    """The labels of a table's columns, by name: on a phone each cell shows its label."""
    return {column.name: str(column.header) for column in table.columns}


@register.simple_tag
def row_words() -> dict[str, str]:
    """The button labels of rows, translated once per list and not once per row."""
    return {
        "choose": _("Choose"),
        "start": _("Start"),
        "stop": _("Stop"),
        "stop_question": _("Stop this server? Everything running on it stops too."),
        "reboot": _("Reboot"),
        "reboot_question": _("Reboot this server? It will be unavailable for a moment."),
        "attach": _("Attach"),
        "detach": _("Detach"),
        "detach_question": _("Detach this disk? Unmount it on the server first."),
        "system_disk": _("system disk"),
        "renew": _("Renew"),
        "change": _("Change"),
        "release": _("Release"),
    }
