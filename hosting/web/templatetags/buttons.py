"""Buttons that change something or lead to a form. A button that can't be pressed is disabled and says why."""

import uuid
from collections.abc import Iterable, Mapping
from functools import lru_cache

from django.template.context import Context
from django.utils.html import conditional_escape, format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.teams.roles import Permission
from hosting.web.templatetags.components import icon
from hosting.web.wording.isolation import naming
from hosting.web.wording.permissions import WHY_NOT
from hosting.web.wording.registry import register


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
    """A button that makes a change by POST. It submits the page's shared form (`components/actions.html`) with a nonce
    of its own. It is disabled, with the reason as its title, when the role or the state does not allow the change.
    """
    if reason := _why_off(context, needs, off, local=local):
        return _button_off(label, icon, reason, quiet=quiet)
    name = conditional_escape(subject)
    asks = (
        f' data-confirm="{_escaped(confirm)}" data-subject="{name}" data-label="{_escaped(label)}"' if confirm else ""
    )
    return mark_safe(  # noqa: S308 - every part is escaped
        f'<button type="submit" form="actions" formaction="{conditional_escape(url)}" name="nonce" '
        f'value="{uuid.uuid4()}" class="{_button_class(style, quiet=quiet)}"{asks}{_named(label, name)}>'
        f"{_button_words(label, icon)}</button>"
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
    for_all: bool = False,
) -> str:
    """A link to a form that looks like a button; disabled in the same cases as `change_button`.

    With `for_all` (the form changes all accounts of the team) it is also disabled for a role limited to some accounts.
    """
    if reason := _why_off(context, needs, off, local=local) or (_why_narrowed(context) if for_all else ""):
        return _button_off(label, icon, reason, quiet=quiet)
    return mark_safe(  # noqa: S308 - every part is escaped
        f'<a href="{conditional_escape(url)}" class="{_button_class(style, quiet=quiet)}"'
        f"{_named(label, conditional_escape(subject))}>{_button_words(label, icon)}</a>"
    )


@register.simple_tag
def new_nonce() -> str:
    """A nonce for a form without a class of its own: sent twice, it makes one operation."""
    return str(uuid.uuid4())


@register.simple_tag
def renew_query(ids: Iterable[int]) -> str:
    """The query of the page that renews many products."""
    return "?" + urlencode([("action", "renew"), *(("ids", number) for number in ids)])


@register.simple_tag
def copy_button(value: object, what: str) -> str:
    """A button that copies `value`, described by `what`; empty without a value. It shows with JavaScript only."""
    if value in {None, ""}:
        return ""
    return format_html(
        '<button type="button" class="icon-button copy js-only" data-copy="{}" title="{}">{}'
        '<span class="visually-hidden">{}</span></button>',
        value,
        _("Copy"),
        icon("copy", 14),
        naming(_("Copy %(what)s"), what=what),
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


def _named(label: str, name: str) -> str:
    """The accessible name of a button in a list, with the object it is for. `name` must be escaped."""
    return f' aria-label="{_escaped(label)} {name}"' if name else ""


# Cached: every row has the same labels. `typed`, because a safe text and an equal plain one are escaped differently.
@lru_cache(maxsize=1024, typed=True)
def _escaped(text: str) -> SafeString:
    return conditional_escape(text)


@lru_cache(maxsize=1024, typed=True)
def _button_words(label: str, name: str) -> SafeString:
    return format_html("{}<span>{}</span>", mark_safe(icon(name, 16)) if name else "", label)  # noqa: S308 - our own SVG


def _why_narrowed(context: Context) -> str:
    member: Membership | None = context.get("member")
    if member is None or not member.narrowed:
        return ""
    return _(
        "This applies to all accounts of the team, but your role only covers some of them. Ask an owner or an admin."
    )


def _why_off(context: Context, needs: str, off: str, *, local: bool) -> str:
    """Why a button is disabled; empty when it isn't. A `local` change does not need the provider."""
    permission = Permission(needs)
    may: Mapping[str, bool] = context.get("may") or {}
    if not may.get(needs, False):
        return str(WHY_NOT.get(permission, ""))
    account: Account | None = context.get("account")
    if account is not None and not local and permission in {Permission.SPEND, Permission.OPERATE, Permission.DELETE}:
        if account.trouble == Account.Trouble.UNTESTED:
            return _("The account's credentials haven't been tested yet. Nothing can be sent until they are accepted.")
        if account.trouble:
            return _("The account's credentials don't work. Fix them to send operations.")
        if account.endpoint.away_since:
            return _("The provider isn't responding. Nothing can be sent until it responds again.")
    return off
