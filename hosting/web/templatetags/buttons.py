"""Buttons that change something, or lead to the form that does; off, and why, when they can't be pressed."""

import uuid
from collections.abc import Mapping

from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.accounts.models import Account
from hosting.teams.roles import Permission
from hosting.web.templatetags.components import icon
from hosting.web.templatetags.registry import register

WHY_NOT = {
    Permission.SPEND: gettext_lazy("Your role may not spend money. Ask an owner or a billing member."),
    Permission.OPERATE: gettext_lazy("Your role may look, not operate. Ask an owner or an operator."),
    Permission.DELETE: gettext_lazy("Your role may not delete. Ask an owner or an operator."),
    Permission.MANAGE_ACCOUNTS: gettext_lazy("Your role may not change accounts. Ask an owner or an admin."),
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
