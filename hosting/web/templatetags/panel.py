"""Components of the panel: one tag for each thing that looks the same everywhere."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from lucide.templatetags.lucide import lucide

from hosting.accounts.models import Account
from hosting.inventory.models import Product
from hosting.operations import kinds, problems
from hosting.operations.models import Operation, Plan
from hosting.operations.states import State
from hosting.teams.roles import Permission
from hosting.web import queries

register = template.Library()

# What a state looks like: the words beside the dot say the same.
COLORS = {
    "running": "green",
    "attached": "green",
    "done": "green",
    "created": "blue",
    "halted": "grey",
    "draft": "grey",
    "cancelled": "grey",
    "abandoned": "grey",
    "deleted": "grey",
    "vanished": "grey",
    "paused": "orange",
    "locked": "orange",
    "uncertain": "orange",
    "stopped": "orange",
    "released": "orange",
    "not_sent": "orange",
    "changed": "blue",
    "appeared": "green",
    "invalid": "red",
    "error": "red",
    "failed": "red",
    "refused": "red",
}
MOVING = {"being_created", "waiting", "sending", "answered", "tracked"}

WHY_NOT = {
    Permission.SPEND: gettext_lazy("Your role may not spend money. Ask an owner or a billing member."),
    Permission.OPERATE: gettext_lazy("Your role may look, not operate. Ask an owner or an operator."),
    Permission.DELETE: gettext_lazy("Your role may not delete. Ask an owner or an operator."),
    Permission.MANAGE_ACCOUNTS: gettext_lazy("Your role may not change accounts. Ask an owner or an admin."),
}


def _number(value: float | Decimal) -> str:
    """A number in the reader's language, without zeros behind the point."""
    return formats.number_format(f"{Decimal(str(value)):.2f}".rstrip("0").rstrip("."), force_grouping=True)


@register.simple_tag
@cache
def icon(name: str, size: int) -> str:
    """An icon beside words that say the same, so that screen readers skip it. Drawn once, then remembered."""
    return lucide(name, size=size, aria_hidden="true", focusable="false")


@register.filter
def number(value: Any) -> str:
    """12345.50 → 12,345.5"""
    return "" if value is None or value == "" else _number(value)


@register.filter
def size(mb: Any) -> str:
    """A number of MB in the unit that people use: 8192 → 8 GB."""
    if mb is None or mb == "":
        return ""
    mb = float(mb)
    if abs(mb) < 1024:
        return _("%s MB") % _number(mb)
    if abs(mb) < 1024 * 1024:
        return _("%s GB") % _number(mb / 1024)
    return _("%s TB") % _number(mb / 1024 / 1024)


@register.simple_tag
def exact_size(mb: Any) -> str:
    """The size for people, with the exact number of MB at hand."""
    if mb is None or mb == "":
        return ""
    return format_html('<span class="nowrap" title="{}">{}</span>', _("%s MB") % _number(mb), size(mb))


@register.filter
def bandwidth(kbps: Any) -> str:
    """kbit/s in Mbit/s: 5120 → 5 Mbit/s."""
    if kbps is None or kbps == "":
        return ""
    return _("%s Mbit/s") % _number(float(kbps) / 1024)


def _exact(at: datetime) -> str:
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'DATE_FORMAT')} {local:%H:%M:%S %Z}"


def words_ago(at: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 60:
        return ngettext("%d second ago", "%d seconds ago", seconds) % seconds
    if seconds < 3600:
        return ngettext("%d minute ago", "%d minutes ago", seconds // 60) % (seconds // 60)
    if seconds < 86400:
        return ngettext("%d hour ago", "%d hours ago", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day ago", "%d days ago", seconds // 86400) % (seconds // 86400)


def _time(at: datetime, text: str, *, counts: bool) -> SafeString:
    return format_html(
        '<time datetime="{}" title="{}"{}>{}</time>', at.isoformat(), _exact(at), " data-ago" if counts else "", text
    )


@register.simple_tag
def ago(at: datetime | None) -> str:
    """“3 minutes ago”, kept true by the browser; the exact time is the title."""
    return _time(at, words_ago(at, timezone.now()), counts=True) if at else "–"


@register.simple_tag
def when(at: datetime | None) -> str:
    """A date and time; the exact one is the title."""
    return _time(at, formats.date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT"), counts=False) if at else "–"


@register.simple_tag
def day(at: datetime | None) -> str:
    """A date; the exact time is the title."""
    return _time(at, formats.date_format(timezone.localtime(at), "DATE_FORMAT"), counts=False) if at else "–"


@register.simple_tag
def clock(at: datetime | None) -> str:
    """A time of the day, and the date too when it isn't today's."""
    if at is None:
        return "–"
    local = timezone.localtime(at)
    text = f"{local:%H:%M:%S}"
    if local.date() != timezone.localdate():
        text = f"{formats.date_format(local, 'SHORT_DATE_FORMAT')} {text}"
    return _time(at, text, counts=False)


@register.simple_tag
def state(thing: Any, label: object = "") -> str:
    """The badge of an object that has a `state`, or of a bare state with its label. Lists hold many: no template."""
    value = getattr(thing, "state", None) or getattr(thing, "what", None) or str(thing)
    if not label:
        show = getattr(thing, "get_state_display", None) or getattr(thing, "get_what_display", None)
        label = show() if show else value
    if value == State.TRACKED and getattr(thing, "remote_state", "") == "PENDING":
        label = _("Queued at the provider")
    moving = value in MOVING or (isinstance(thing, Plan) and value == Plan.State.RUNNING)
    color = "blue state-moving" if moving else COLORS.get(value, "blue")
    return format_html('<span class="state state-{}">{}</span>', color, label)


@register.simple_tag
def progress(operation: Operation) -> str:
    """How far an unfinished operation is; the browser moves it between two polls."""
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
    """A bar in three parts: used, on its way, free."""
    scale = 100 / total if total else 0
    used_width = min(100.0, used * scale)
    reserved_width = min(100.0 - used_width, reserved * scale)
    return {
        "used": f"{used_width:.2f}",
        "reserved": f"{reserved_width:.2f}",
        "reserved_from": f"{used_width:.2f}",
        "label": label,
    }


@register.simple_tag(takes_context=True)
def change_button(
    context: Context,
    url: str,
    label: str,
    *,
    icon: str = "",
    needs: str = "operate",
    confirm: str = "",
    subject: str = "",
    style: str = "",
    quiet: bool = False,
    off: str = "",
    local: bool = False,
) -> str:
    """A button that changes something by POST. It belongs to the page's one form (`components/actions.html`) and
    carries its own nonce. It is off, with the reason as its title, when the role or the state does not allow it.
    """
    if reason := _why_off(context, needs, off, local=local):
        return _button_off(label, icon, reason, quiet=quiet)
    return format_html(
        '<button type="submit" form="actions" formaction="{}" name="nonce" value="{}" class="{}"{}{}>{}</button>',
        url,
        uuid.uuid4(),
        _button_class(style, quiet=quiet),
        format_html(' data-confirm="{}" data-subject="{}" data-label="{}"', confirm, subject, label) if confirm else "",
        format_html(' aria-label="{} {}"', label, subject) if subject else "",
        _button_words(label, icon),
    )


@register.simple_tag(takes_context=True)
def link_button(
    context: Context,
    url: str,
    label: str,
    *,
    icon: str = "",
    needs: str = "operate",
    subject: str = "",
    style: str = "",
    quiet: bool = False,
    off: str = "",
    local: bool = False,
) -> str:
    """A link that looks like a button and leads to a form; off as `change_button` is."""
    if reason := _why_off(context, needs, off, local=local):
        return _button_off(label, icon, reason, quiet=quiet)
    return format_html(
        '<a href="{}" class="{}"{}>{}</a>',
        url,
        _button_class(style, quiet=quiet),
        format_html(' aria-label="{} {}"', label, subject) if subject else "",
        _button_words(label, icon),
    )


def _button_off(label: str, name: str, reason: str, *, quiet: bool) -> SafeString:
    return format_html(
        '<span class="off" title="{0}">'
        '<button type="button" class="{1}" disabled aria-description="{0}">{2}</button></span>',
        reason,
        _button_class("", quiet=quiet),
        _button_words(label, name),
    )


def _button_class(style: str, *, quiet: bool) -> str:
    return f"btn{f' btn-{style}' if style else ''}{' btn-sm btn-quiet' if quiet else ''}"


def _button_words(label: str, name: str) -> SafeString:
    return format_html("{}<span>{}</span>", mark_safe(icon(name, 16)) if name else "", label)  # noqa: S308 - our own SVG


@register.simple_tag
def column_labels(table: Any) -> dict[str, str]:
    """What the columns of a table are called, by name: on a phone each cell says it."""
    return {column.name: str(column.header) for column in table.columns}


@register.simple_tag
def row_words() -> dict[str, str]:
    """What rows say on their buttons: looked up once for a list, not once for each row."""
    return {
        "start": _("Start"),
        "stop": _("Stop"),
        "stop_question": _("Stop this server? What runs on it stops too."),
        "reboot": _("Reboot"),
        "reboot_question": _("Reboot this server? It is away for a moment."),
        "attach": _("Attach"),
        "detach": _("Detach"),
        "detach_question": _("Detach this disk? Unmount it on the server first."),
        "system_disk": _("system disk"),
        "renew": _("Renew"),
        "change": _("Change"),
        "release": _("Release"),
        "fixed": _("Fixed shares can be renewed only."),
    }


@register.simple_tag(takes_context=True)
def open_operation_on(context: Context, kind: str, remote_id: int) -> Operation | None:
    """The unfinished operation on an object, if the page has one in `open`."""
    operations: Mapping[str, Operation] = context.get("open") or {}
    return operations.get(f"{kind}:{remote_id}")


@register.simple_tag
def row_operation(operation: Operation) -> str:
    """What is at work on the object of a row, in place of its buttons."""
    return format_html(
        '<span class="row-operation"><a href="{}">{}</a>{}</span>',
        reverse("operation", args=[operation.account_id, operation.pk]),
        kinds.title(operation.kind),
        progress(operation) if operation.state == State.TRACKED else state(operation),
    )


def _why_off(context: Context, needs: str, off: str, *, local: bool) -> str:
    """Why a button can't be pressed now, or nothing. What is `local` asks nothing of the provider."""
    permission = Permission(needs)
    may: Mapping[str, bool] = context.get("may") or {}
    if not may.get(needs, False):
        return str(WHY_NOT.get(permission, ""))
    account: Account | None = context.get("account")
    if account is not None and not local and permission in {Permission.SPEND, Permission.OPERATE, Permission.DELETE}:
        if account.trouble:
            return _("The account's login does not work: nothing can be sent until that is corrected.")
        if account.endpoint.away_since:
            return _("The provider does not answer: nothing can be sent until it is back.")
    return off


@register.filter
def operation_title(operation: Operation) -> str:
    """An operation in a few words: "Stop server web-1"."""
    return f"{kinds.title(operation.kind)} {operation.subject}".strip()


@register.simple_tag
def explain(operation: Operation) -> problems.Problem | None:
    """Why an operation did not work, in words."""
    return problems.explain(operation)


@register.filter
def kind_title(kind: str) -> str:
    return kinds.title(kind)


ICONS = {
    "hosting_account_product_add": "shopping-cart",
    "hosting_account_product_renew": "calendar-plus",
    "hosting_account_product_update": "sliders-horizontal",
    "hosting_account_product_remove": "circle-minus",
    "vm_create": "server",
    "vm_update": "scaling",
    "vm_delete": "trash-2",
    "vm_start": "play",
    "vm_stop": "square",
    "vm_reboot": "rotate-cw",
    "disk_create": "hard-drive",
    "disk_delete": "trash-2",
    "disk_attach": "link",
    "disk_detach": "unlink",
}


@register.filter
def kind_icon(kind: str) -> str:
    return ICONS.get(kind, "activity")


@register.filter
def at(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if mapping else None


@register.filter
def share_count(count: int) -> str:
    """4 → 4 shares"""
    return ngettext("%d share", "%d shares", count) % count


@register.filter
def product_label(name: str) -> str:
    """What a product is called; one that Sharedeck does not know keeps the provider's name."""
    return str(dict(Product.Name.choices).get(name, name))


@register.filter
def asked_by(operation: Operation) -> str:
    """Who asked for an operation."""
    if operation.origin == Operation.Origin.OUTSIDE:
        return _("Outside Sharedeck")
    return str(operation.requested_by or "–")


OBJECT_TYPES = {
    "vm": gettext_lazy("server"),
    "disk": gettext_lazy("disk"),
    "product": gettext_lazy("product"),
}


@register.filter
def object_type(name: str) -> str:
    """What the provider's kind of object is called here."""
    return str(OBJECT_TYPES.get(name, name))


@register.filter
def first_address(ifaces: Any) -> str:
    """The first IP address of a server's interfaces."""
    for iface in ifaces if isinstance(ifaces, list) else []:
        for ip in iface.get("ips", []) if isinstance(iface, dict) else []:
            if isinstance(ip, dict) and ip.get("ip"):
                return str(ip["ip"])
    return ""


@register.filter
def total(counts: list[queries.StateCount]) -> str:
    """How many objects there are in all states."""
    return _number(sum(one.count for one in counts))


@register.filter
def days_left(end: datetime | None) -> int | None:
    return queries.days_left(end)


PARAMETERS = {
    "product_name": gettext_lazy("Product"),
    "quantity": gettext_lazy("Quantity"),
    "duration": gettext_lazy("Duration"),
    "product_id": gettext_lazy("Product id"),
    "hostname": gettext_lazy("Host name"),
    "os_id": gettext_lazy("System id"),
    "shares": gettext_lazy("Shares"),
    "cpu": gettext_lazy("CPUs"),
    "login": gettext_lazy("Admin login"),
    "vm_id": gettext_lazy("Server id"),
    "vm_max_memory": gettext_lazy("Memory limit"),
    "vm_max_memory_mb": gettext_lazy("Memory limit"),
    "memory_mb": gettext_lazy("Memory"),
    "size_mb": gettext_lazy("Size"),
    "size": gettext_lazy("Size"),
    "name": gettext_lazy("Name"),
    "fstype": gettext_lazy("File system"),
    "disk_id": gettext_lazy("Disk id"),
    "state": gettext_lazy("State"),
    "cores": gettext_lazy("CPUs"),
    "vm_remote_id": gettext_lazy("Server id"),
    "date_end": gettext_lazy("Ends"),
}


@register.filter
def parameter_label(name: str) -> str:
    """What a parameter of the API is called here."""
    return str(PARAMETERS.get(name, name))


@register.filter
def parameter_value(value: Any, name: str) -> str:
    """A parameter's value, with its unit."""
    if value is None or value == "":
        return "–"
    if name in {"size", "size_mb", "memory_mb", "vm_max_memory", "vm_max_memory_mb"} and isinstance(value, int | float):
        exact = _("%s MB") % _number(value)
        return exact if value < 1024 else f"{size(value)} ({exact})"
    return str(value)
