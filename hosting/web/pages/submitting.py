"""Submit operations from pages, and show the person the result or the rejection."""

import uuid

from django.contrib import messages
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from hosting.operations.checks import quiet_hours
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle import approvals
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import AboveSpendingLimit, Busy, Rejected
from hosting.operations.models.states import State
from hosting.teams.roles import Permission
from hosting.web.access import reauthentication, refusals
from hosting.web.access.scope import AccountRequest
from hosting.web.forms.base import ChangeForm
from hosting.web.wording.isolation import either, flash, isolated, rejection_words


def is_delete(kind: type[Kind] | None) -> bool:
    """Whether a kind deletes or releases something, and so requires reauthentication."""
    return kind is not None and (kind.permission is Permission.DELETE or kind is catalogue.RemoveProduct)


def nonce_of(request: AccountRequest) -> uuid.UUID:
    """The nonce of a form without other fields; a new one when it is missing or invalid."""
    try:
        return uuid.UUID(request.POST.get("nonce", ""))
    except ValueError:
        return uuid.uuid4()


def submit_from_page(
    request: AccountRequest,
    kind: Kind,
    *,
    nonce: uuid.UUID,
    form: ChangeForm | None = None,
    secret: str = "",
) -> Operation | None:
    """Submit `kind`. None when it was rejected: the reason is then beside the form's field, or in a message.

    Raises:
        AboveSpendingLimit: it would have to wait for approval, and the person must reauthenticate first.
    """
    may_hold = reauthentication.is_recent(request)
    try:
        operation = submit(
            kind, account=request.account, by=request.member, nonce=nonce, secret=secret, may_hold=may_hold
        )
    except Rejected as rejection:
        show_rejection(request, rejection, form)
        return None
    show_submitted(request, operation, flash(_("“%(what)s” was submitted."), what=in_words(operation)))
    return operation


def quiet_hours_warnings(request: AccountRequest, kind: type[Kind]) -> list[str]:
    """Warnings for a form that would be rejected now because of quiet hours."""
    words = quiet_hours.why_blocked(kind, request.member.team)
    return [words] if words else []


def show_submitted(request: AccountRequest, operation: Operation, words: str) -> None:
    """Show a message with a link to the operation; for a held one, also who may approve it."""
    if operation.state == State.HELD:
        people = approvals.approvers(request.account, besides=request.member.user_id)
        words = flash(
            _("“%(what)s” exceeds your role's monthly spending limit. It is waiting for approval by %(people)s."),
            what=in_words(operation),
            people=either(people) or _("someone with approval permission"),
        )
    there = reverse("operation", args=[request.account.pk, operation.pk])
    link = format_html('{} <a href="{}" class="alert-link">{}</a>', words, there, _("View operation"))
    messages.success(request, link)


def show_rejection(request: AccountRequest, rejection: Rejected, form: ChangeForm | None) -> None:
    """Show a rejection beside the field, above the form, or in a message.

    Raises:
        AboveSpendingLimit: passed on to `scope`, which asks the person to reauthenticate.
    """
    if isinstance(rejection, AboveSpendingLimit):
        raise rejection
    refusals.record_rejection(request, rejection)
    if isinstance(rejection, Busy):
        link = format_html(
            '{} <a href="{}" class="alert-link">{}</a>',
            isolated(rejection_words(rejection)),
            reverse("operation", args=[request.account.pk, rejection.operation_id]),
            _("View operation"),
        )
        if form is None:
            messages.warning(request, link)
        else:
            form.add_error(None, link)
    elif form is None:
        messages.error(request, rejection_words(rejection))
    else:
        form.reject(rejection)


def in_words(operation: Operation) -> str:
    """The title of an operation with its object: "Stop server web-1"."""
    return f"{catalogue.title(operation.kind)} {operation.subject}".strip()
