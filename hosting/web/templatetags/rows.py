"""Cells of long lists, rendered in Python: template tags in fifty rows would cost more than the rest of a page."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.template import Template
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from hosting.inventory.models import Disk, Product, Vm
from hosting.operations.checks.preconditions import why_not
from hosting.web.templatetags.buttons import change_button, link_button
from hosting.web.templatetags.components import open_operation_on, row_operation, row_url
from hosting.web.wording.formats import day_words, size
from hosting.web.wording.isolation import bdi
from hosting.web.wording.registry import register
from hosting.web.wording.words import share_count

_RELEASE = ("remove", "release", "removing")


@register.simple_tag(takes_context=True)
def table_rows(context: Context, table: Any) -> SafeString:
    """Render the rows of a list with its row template, which is set up once and not for each row."""
    template: Template = context.template.engine.get_template(table.row_template)  # type: ignore[union-attr]
    drawn = []
    with context.push(), context.render_context.push_state(template, isolated_context=False):
        for row in table.paginated_rows:
            context["record"] = row.record
            drawn.append(f"<tr>{template.nodelist.render(context)}</tr>")
    return mark_safe("".join(drawn))  # noqa: S308 - the template has escaped it


@register.simple_tag(takes_context=True)
def choose(context: Context, thing: Vm | Disk | Product) -> str:
    """The checkbox that selects an object for a bulk action; empty for members who may not change anything."""
    if not (context.get("bulk_actions") or context.get("may_tag")):
        return ""
    return format_html(
        '<input type="checkbox" class="form-check-input choose" name="ids" value="{}" form="bulk" data-choose'
        ' aria-label="{} {}">',
        thing.remote_id,
        context["words"]["choose"],
        thing,
    )


@register.simple_tag
def server_size(vm: Vm) -> str:
    """Shares, CPUs and memory of a server."""
    return _server_size(vm.shares, vm.cores, vm.memory_mb, get_language())


@lru_cache(maxsize=1024)
def _server_size(shares: int, cores: int, memory_mb: int, _language: str | None) -> SafeString:
    return format_html(
        '<span class="nowrap">{}</span> <span class="quiet small nowrap">{} · {}</span>',
        share_count(shares),
        ngettext("%d CPU", "%d CPUs", cores) % cores,
        size(memory_mb),
    )


@register.simple_tag(takes_context=True)
def server_actions(context: Context, vm: Vm) -> str:
    """The buttons of a server in its current state, or its open operation."""
    if operation := open_operation_on(context, "vm", vm.remote_id):
        return row_operation(operation)
    if vm.state == Vm.State.RUNNING:
        return _actions(_asking(context, "server", vm, "reboot"), _asking(context, "server", vm, "stop"))
    if vm.state in {Vm.State.HALTED, Vm.State.PAUSED}:
        return _actions(_asking(context, "server", vm, "start", off=shares_ended_first(vm)))
    if not vm.is_state_known:
        return _actions(*(_asking(context, "server", vm, action) for action in ("start", "reboot", "stop")))
    return ""


@register.simple_tag(takes_context=True)
def disk_actions(context: Context, disk: Disk) -> str:
    """The buttons of a disk in its current state, or its open operation."""
    if operation := open_operation_on(context, "disk", disk.remote_id):
        return row_operation(operation)
    if disk.state == Disk.State.CREATED or (disk.vm_remote_id is None and not disk.is_state_known):
        url = row_url(context, "disk_attach", disk.remote_id)
        return _actions(link_button(context, url, context["words"]["attach"], subject=str(disk), quiet=True))
    is_attached = disk.vm_remote_id is not None and not disk.is_state_known
    if (disk.state == Disk.State.ATTACHED or is_attached) and not disk.is_boot_disk:
        return _actions(_asking(context, "disk", disk, "detach"))
    return ""


@register.simple_tag(takes_context=True)
def product_actions(context: Context, product: Product) -> str:
    """The buttons of a product, and in words why one is disabled: a title is not visible on a phone or by keyboard."""
    if operation := open_operation_on(context, "product", product.remote_id):
        return row_operation(operation)
    words: Mapping[str, Any] = context["words"]
    buttons: list[str] = []
    off: dict[str, list[str]] = {}
    for name, word, action in (("renew", "renew", "renewing"), ("update", "change", "updating"), _RELEASE):
        reason = why_not(product, action)
        url = row_url(context, f"shares_{name}", product.remote_id)
        buttons.append(
            link_button(context, url, words[word], needs="spend", quiet=True, subject=str(product), off=reason)
        )
        if reason:
            off.setdefault(reason, []).append(str(words[word]))
    reasons = (_("%(label)s: %(value)s") % {"label": ", ".join(off[why]), "value": why} for why in off)
    lines = format_html_join("", '<span class="row-why">{}</span>', ((bdi(reason),) for reason in reasons))
    return _actions(*buttons) + lines


@register.filter
def shares_ended_first(vm: Vm) -> str:
    """Why a server can't be started that the provider paused; empty when its shares have not ended."""
    return _("Its shares ended. It resumes when there are enough shares.") if vm.shares_ended else ""


@register.simple_tag
def shares_ended_note(vm: Vm) -> str:
    """Under the state of a server: why the provider paused it; empty when its shares have not ended."""
    if vm.shares_ended is None:
        return ""
    return format_html(
        '<span class="cell-note">{}</span>', _("Its shares ended on %(day)s") % {"day": day_words(vm.shares_ended)}
    )


@register.simple_tag
def unknown_state_note(thing: Vm | Disk) -> str:
    """Under a state that Sharedeck doesn't know: what that means; empty for the others."""
    if thing.is_state_known:
        return ""
    words = _("Sharedeck doesn't know this state. The provider decides what is possible.")
    return format_html('<span class="cell-note">{}</span>', words)


def _asking(context: Context, section: str, thing: Vm | Disk, action: str, *, off: str = "") -> str:
    """A button that changes an object, after a confirmation if the action has one."""
    words: Mapping[str, Any] = context["words"]
    return change_button(
        context,
        row_url(context, f"{section}_{action}", thing.remote_id),
        words[action],
        confirm=words.get(f"{action}_question", ""),
        subject=str(thing),
        quiet=True,
        off=off,
    )


def _actions(*buttons: str) -> SafeString:
    return mark_safe(f'<span class="row-actions">{" ".join(buttons)}</span>')  # noqa: S308 - buttons are escaped
