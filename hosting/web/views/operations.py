"""Operations: the list, an operation's page, and retrying, cancelling, deciding on or dismissing one."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.inventory.models import Change, Disk, Vm
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import KINDS, CreateVm, load
from hosting.operations.lifecycle import approvals, submit
from hosting.operations.lifecycle import cancel as cancelling
from hosting.operations.lifecycle import decide as deciding
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import explain
from hosting.operations.models.rejection import Rejected
from hosting.operations.models.states import RETRYABLE, State
from hosting.reading import queries
from hosting.web.access import reauthentication
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.audit import lines
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.confirm import RetryForm
from hosting.web.forms.first_boot import RetryServerForm
from hosting.web.lists import csv_export
from hosting.web.lists import state as list_state
from hosting.web.lists.filters import ChangeFilter, OperationFilter
from hosting.web.lists.tables import ChangeTable, OperationTable, table
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.isolation import flash, naming

FORMS = ["GET", "HEAD", "POST"]


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    rows = OperationFilter(request.GET, queryset=Operation.objects.filter(account=request.account))
    operations = table(request, OperationTable, rows.qs, order_by="-created_at")
    if csv_export.wanted(request):
        return csv_export.as_csv(
            request, operations, csv_export.operations(request.account), name=f"operations-{request.account.label}"
        )
    return render_page(
        request,
        "operations",
        {
            "table": operations,
            "filter": rows,
            "bulks": queries.current_bulks(request.account, timezone.now()),
            "views": list_state.views(request, "operations"),
        },
    )


def _operation(request: AccountRequest, operation_id: int) -> Operation:
    operation: Operation = get_object_or_404(
        Operation.objects.select_related("requested_by", "requested_through", "decided_by", "plan"),
        account=request.account,
        pk=operation_id,
    )
    return operation


def _may_retry(operation: Operation) -> bool:
    """Whether an operation can be retried: it did not happen, and is no step of a plan (resume the plan instead)."""
    return operation.state in RETRYABLE and operation.plan_id is None and operation.origin == Operation.Origin.PANEL


def _exists(model: type[Vm] | type[Disk], request: AccountRequest, remote_id: int | None) -> bool:
    return remote_id is not None and model.objects.filter(account=request.account, remote_id=remote_id).exists()


@require_safe
@account_page
def detail(request: AccountRequest, operation_id: int) -> HttpResponse:
    operation = _operation(request, operation_id)
    trouble = operation.problem or operation.state in {State.UNCERTAIN, State.RELEASED, State.NOT_SENT}
    kind = KINDS.get(operation.kind)
    retries = list(operation.retries.order_by("-id")[:5])
    context = {
        "operation": operation,
        "problem": explain(operation) if trouble else None,
        "candidates": _candidates(operation),
        "equals": _equals(operation),
        "may_retry": _may_retry(operation) and not retries,
        "may_cancel": cancelling.may_cancel(operation, request.member),
        "needs": kind.permission.value if kind else "view",
        "allowed": kind is not None and request.member.may(kind.permission),
        "needs_password": kind is not None and bool(kind.secret_rules),
        "vm_id": operation.vm_id if _exists(Vm, request, operation.vm_id) else None,
        "disk_id": operation.disk_id if _exists(Disk, request, operation.disk_id) else None,
        **_approval(request, operation),
        "retries": retries,
        "audit_lines": lines.of_object(request, operation=operation.pk),
    }
    return render_page(request, "operation", context, section="operations")


def _approval(request: AccountRequest, operation: Operation) -> dict[str, object]:
    """Who may approve an operation, in one query; empty when it is not held."""
    if operation.state != State.HELD:
        return {}
    return {
        "approvers": approvals.approvers(request.account, besides=operation.requested_by_id),
        "may_approve": approvals.may_decide(operation, request.member),
    }


@require_http_methods(FORMS)
@account_page
def retry(request: AccountRequest, operation_id: int) -> HttpResponseBase:
    operation = _operation(request, operation_id)
    here = reverse("operation", args=[request.account.pk, operation_id])
    kind = KINDS.get(operation.kind)
    if kind is not None:
        request.member.require(kind.permission)
    if not _may_retry(operation):
        messages.warning(request, _("This operation can't be retried."))
        return back(request, here)
    if submitting.is_delete(kind) and not reauthentication.is_recent(request):
        return reauthentication.redirect_to_confirm(request)
    form = _retry_form(request, operation, kind)
    if form.is_valid():
        try:
            again = submit.retry(
                operation,
                by=request.member,
                nonce=form.cleaned_data["nonce"],
                **_chosen_anew(operation, form),
                may_hold=reauthentication.is_recent(request),
            )
        except Rejected as rejection:
            if not form.visible_fields():
                # Requested by a button: stay on its page and show the reason as a message.
                submitting.show_rejection(request, rejection, None)
                return back(request, here)
            submitting.show_rejection(request, rejection, form)
        else:
            words = flash(_("“%(what)s” was retried."), what=submitting.in_words(again))
            submitting.show_submitted(request, again, words)
            return back(request, reverse("operation", args=[request.account.pk, again.pk]))
    context = {
        "form": form,
        "operation": operation,
        "facts": "hosting/_operation_facts.html",
        "title": naming(_("Retry: %(what)s"), what=submitting.in_words(operation)),
        "submit": _("Retry"),
        "icon": "rotate-ccw",
        "cancel": here,
    }
    return account_form(request, "form", context, section="operations", bad=form.is_bound)


def _retry_form(request: AccountRequest, operation: Operation, kind: type[Kind] | None) -> ChangeForm:
    """A form with what must be entered again, because it is not stored."""
    if kind is CreateVm:
        return RetryServerForm(
            request.POST or None,
            account=request.account,
            member=request.member,
            before=operation.params.get("ssh_keys"),
            before_bytes=operation.params.get("user_data_bytes", 0),
        )
    return RetryForm(request.POST or None) if kind and kind.secret_rules else ChangeForm(request.POST or None)


def _chosen_anew(operation: Operation, form: ChangeForm) -> dict[str, Any]:
    """What a retry takes from its form instead of the operation."""
    if isinstance(form, RetryServerForm):
        before = load(operation.kind, operation.params)
        return {"kind": form.kind(before) if isinstance(before, CreateVm) else before, "secret": form.secret()}
    return {"secret": form.cleaned_data.get("password", "")}


@require_POST
@account_page
def cancel(request: AccountRequest, operation_id: int) -> HttpResponse:
    operation = _operation(request, operation_id)
    if not cancelling.cancel(operation, by=request.member):
        messages.warning(request, _("This operation can no longer be cancelled."))
    elif operation.state in {State.HELD, State.WAITING}:
        messages.success(request, flash(_("“%(what)s” was cancelled."), what=submitting.in_words(operation)))
    else:
        messages.info(request, flash(_("Cancellation of “%(what)s” requested."), what=submitting.in_words(operation)))
    return back(request, reverse("operation", args=[request.account.pk, operation_id]))


@require_POST
@account_page
def decide(request: AccountRequest, operation_id: int, remote_id: int | None = None) -> HttpResponse:
    """Decide which of the provider's operations an unconfirmed operation is, or that it did not happen."""
    operation = _operation(request, operation_id)
    try:
        deciding.decide(operation, remote_id, by=request.member)
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, None)
    else:
        messages.success(request, flash(_("“%(what)s” was resolved."), what=submitting.in_words(operation)))
    return back(request, reverse("operation", args=[request.account.pk, operation_id]))


@require_POST
@account_page
def confirm_done(request: AccountRequest, operation_id: int) -> HttpResponse:
    """Confirm that an unconfirmed operation without candidates was carried out."""
    operation = _operation(request, operation_id)
    try:
        deciding.confirm_done(operation, by=request.member)
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, None)
    else:
        messages.success(request, flash(_("“%(what)s” was resolved."), what=submitting.in_words(operation)))
    return back(request, reverse("operation", args=[request.account.pk, operation_id]))


@require_POST
@account_page
def dismiss(request: AccountRequest, operation_id: int) -> HttpResponse:
    """Dismiss a failed operation."""
    operation = _operation(request, operation_id)
    if deciding.dismiss(operation, by=request.member):
        messages.success(request, flash(_("“%(what)s” was dismissed."), what=submitting.in_words(operation)))
    return back(request, reverse("attention", args=[request.account.pk]))


def _equals(operation: Operation) -> list[Operation]:
    """Other unconfirmed operations of the same kind with the same parameters."""
    if not operation.needs_person:
        return []
    others = operation.account.operations.filter(kind=operation.kind, state=State.UNCERTAIN).exclude(pk=operation.pk)
    return [
        other
        for other in others.select_related("requested_by", "requested_through")
        if other.params == operation.params
    ]


def _candidates(operation: Operation) -> list[dict[str, object]]:
    """The candidates that a person chooses from, with their times parsed."""
    if not operation.needs_person:
        return []
    return [
        {**found, "created": parse_datetime(found["created"]) if found["created"] else None}
        for found in operation.problem.get("candidates", [])
    ]


@require_safe
@account_page
def external_changes(request: AccountRequest) -> HttpResponseBase:
    """External changes: those made at the provider without Sharedeck."""
    rows = ChangeFilter(request.GET, queryset=Change.objects.filter(account=request.account))
    seen = table(request, ChangeTable, rows.qs, order_by="-at")
    if csv_export.wanted(request):
        return csv_export.as_csv(request, seen, csv_export.CHANGES, name=f"changes-{request.account.label}")
    context = {"table": seen, "filter": rows, "views": list_state.views(request, "changes")}
    return render_page(request, "changes", context)
