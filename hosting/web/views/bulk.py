"""Bulk actions: confirm and begin one, its page, and pausing, resuming, retrying or dismissing it."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.operations.bulk import control as bulks
from hosting.operations.checks import quiet_hours, spending_limits
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.rejection import Rejected
from hosting.operations.models.states import State
from hosting.teams.roles import Permission
from hosting.web.access import reauthentication
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.bulk import BulkForm
from hosting.web.forms.bulk_actions import SECTIONS, Chosen, chosen, wanted_ids
from hosting.web.lists import csv_export
from hosting.web.lists.filters import BulkRowFilter
from hosting.web.lists.tables import BulkRowTable, table
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording import costs
from hosting.web.wording.isolation import flash
from hosting.web.wording.words import bulk_title

FORMS = ["GET", "HEAD", "POST"]


@require_http_methods(FORMS)
@account_page
def ask(request: AccountRequest, section: str) -> HttpResponseBase:
    """Confirm a bulk action: the objects it changes, and those it leaves out and why. Then begin it."""
    here = SECTIONS[section]
    to_list = reverse(section, args=[request.account.pk])
    action = here.action(request.GET.get("action", ""))
    if action is None:
        raise Http404
    request.member.require(action.kind.permission)
    if action.danger and not reauthentication.is_recent(request):
        return reauthentication.redirect_to_confirm(request)
    ids = wanted_ids(request)
    choice = chosen(here, action, request.account, ids, request.GET)
    if ids and not choice.fitting and not choice.left_out:
        raise Http404
    if not choice.fitting:
        none = _("Nothing selected. Select at least one.")
        if choice.left_out:
            none = _("Nothing to do. All of them are %(why)s.") % {"why": action.left_out}
        messages.warning(request, none)
        return redirect(to_list)
    form = BulkForm(
        request.POST or None,
        kind=action.kind,
        count=len(choice.fitting),
        asks_count=action.danger,
        initial={"ids": ",".join(map(str, choice.ids))},
    )
    money = _money(request, action.kind, choice, form)
    if form.is_valid():
        if money and money["quote"].over and not reauthentication.is_recent(request):
            # Some of it will wait for approval, and the approver must be able to trust who requested it.
            return reauthentication.redirect_to_confirm(request)
        try:
            bulk = bulks.begin(
                action.kind.method,
                [(thing.remote_id, str(thing)) for thing in choice.fitting],
                account=request.account,
                by=request.member,
                nonce=form.cleaned_data["nonce"],
                params=form.params(),
            )
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return redirect("bulk", request.account.pk, bulk.pk)
    context = {
        "form": form,
        "title": bulk_title(action.kind.method, len(choice.fitting)),
        "facts": "hosting/_bulk_choice.html",
        "choice": choice,
        "why_left_out": action.left_out,
        "warnings": submitting.quiet_hours_warnings(request, action.kind)
        + ([_("This can't be undone.")] if action.danger else []),
        "submit": f"{action.label} ({len(choice.fitting)})",
        "icon": action.icon,
        "danger": action.danger,
        "cancel": to_list,
        **money,
    }
    return account_form(request, "form", context, section=section, bad=form.is_bound)


def _money(request: AccountRequest, kind: type[Kind], choice: Chosen, form: BulkForm) -> dict[str, Any]:
    """The quote of a bulk renewal; empty for actions without a cost."""
    if kind is not catalogue.RenewProduct:
        return {}
    duration = form["duration"].value() or ""
    return {
        "quote": costs.quote(request.account, costs.renewals(choice.fitting, duration), by=request.member),
        "quote_url": reverse("shares_estimate", args=[request.account.pk]) + "?for=bulk",
    }


def _bulk(request: AccountRequest, bulk_id: int) -> Bulk:
    bulk: Bulk = get_object_or_404(
        Bulk.objects.select_related("requested_by", "requested_through", "account"), account=request.account, pk=bulk_id
    )
    return bulk


@require_safe
@account_page
def detail(request: AccountRequest, bulk_id: int) -> HttpResponseBase:
    bulk = _bulk(request, bulk_id)
    rows = BulkRowFilter(request.GET, queryset=bulk.rows.all())
    shown = table(request, BulkRowTable, rows.qs, order_by="subject")
    if csv_export.wanted(request):
        return csv_export.as_csv(request, shown, csv_export.BULK_ROWS, name=f"{bulk.kind}-{bulk.pk}")
    counts = bulks.counts(bulk)
    context = {
        "bulk": bulk,
        # Keep polling: between two of its operations none is open.
        "moving": bulk.state == Bulk.State.RUNNING,
        "counts": counts,
        "held": bulk.operations.filter(state=State.HELD).count() if bulk.kind == catalogue.RenewProduct.method else 0,
        "bulk_off": quiet_hours.why_blocked(catalogue.KINDS[bulk.kind], request.member.team),
        "bulk_needs": catalogue.KINDS[bulk.kind].permission.value,
        "total": sum(counts.values()),
        "over": counts["done"] + counts["failed"],
        "filter": rows,
        "table": shown,
    }
    return render_page(request, "bulk", context, section="operations")


def _is_sensitive(request: AccountRequest, bulk: Bulk) -> bool:
    """Whether the remaining rows delete something, or may need approval: they spend, and the role has a limit."""
    kind = catalogue.KINDS[bulk.kind]
    if submitting.is_delete(kind):
        return True
    spends = kind.permission == Permission.SPEND
    return spends and spending_limits.standing(request.account, request.member.role, timezone.now()) is not None


@require_POST
@account_page
def pause(request: AccountRequest, bulk_id: int) -> HttpResponse:
    bulk = _bulk(request, bulk_id)
    bulks.pause(bulk, by=request.member)
    return back(request, reverse("bulk", args=[request.account.pk, bulk_id]))


@require_POST
@account_page
def resume(request: AccountRequest, bulk_id: int) -> HttpResponseBase:
    bulk = _bulk(request, bulk_id)
    if _is_sensitive(request, bulk) and not reauthentication.is_recent(request):
        return reauthentication.redirect_to_confirm(request)
    try:
        bulks.resume(bulk, by=request.member)
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, None)
    return back(request, reverse("bulk", args=[request.account.pk, bulk_id]))


@require_POST
@account_page
def retry(request: AccountRequest, bulk_id: int) -> HttpResponseBase:
    bulk = _bulk(request, bulk_id)
    if _is_sensitive(request, bulk) and not reauthentication.is_recent(request):
        return reauthentication.redirect_to_confirm(request)
    try:
        count = bulks.retry_failed(bulk, by=request.member)
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, None)
    else:
        words = ngettext("%d operation retried.", "%d operations retried.", count)
        messages.success(request, words % count)
    return back(request, reverse("bulk", args=[request.account.pk, bulk_id]))


@require_POST
@account_page
def dismiss(request: AccountRequest, bulk_id: int) -> HttpResponse:
    """Dismiss the failed rows."""
    bulk = _bulk(request, bulk_id)
    if bulks.dismiss(bulk, by=request.member):
        what = catalogue.title(bulk.kind)
        messages.success(request, flash(_("Bulk action “%(what)s” dismissed."), what=what))
    return back(request, reverse("attention", args=[request.account.pk]))
