"""A new server: the guided form with the five steps of the specification, and the short form for a server only."""

from dataclasses import asdict, replace

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from hosting.accounts.models import Account
from hosting.inventory.capacity import Capacity
from hosting.operations.capacity.overview import overview
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Rejected
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.operations.plans.new_server import NewServer, missing_shares, system_disk_mb
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.hostnames import hint_line
from hosting.web.forms.servers import BLANK, NewServerForm, ServerAloneForm
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back, to_plan
from hosting.web.wording import costs

FORMS = ["GET", "HEAD", "POST"]


def _summary(request: AccountRequest, spec: NewServer, settled: frozenset[str]) -> dict[str, object]:
    """What the plan needs and costs, as far as it is known."""
    capacity = overview(request.account)
    buys = spec.buy_shares > 0 and "buy" not in settled
    return {
        "steps": spec.preview(request.account),
        "spec": spec,
        "worth": capacity.share.times(spec.shares) if capacity else None,
        "capacity": capacity,
        "missing": _missing(spec, capacity, request.account, settled),
        "buying_settled": "buy" in settled,
        "quote": costs.quote(request.account, [(spec.request("buy", {}), None)], by=request.member) if buys else None,
    }


def _missing(
    spec: NewServer, capacity: Capacity | None, account: Account, settled: frozenset[str] = frozenset()
) -> int:
    """How many shares must be bought; the number entered, while the capacity is unknown."""
    if capacity is None:
        return spec.buy_shares
    return missing_shares(spec, capacity, system_disk_mb(spec, account), settled)


def _page(
    request: AccountRequest,
    form: NewServerForm,
    plan: Plan | None,
    settled: frozenset[str] = frozenset(),
    shown: NewServer = BLANK,
) -> HttpResponse:
    """The guided form. Before anything is entered, the summary describes the initial values."""
    spec = form.spec() if form.is_bound else NewServer(**plan.spec) if plan else shown
    if plan is None and not form.is_bound:
        # Buy the missing shares, unless another number is entered.
        spec = replace(spec, buy_shares=_missing(spec, overview(request.account), request.account))
        form.initial["buy_shares"] = spec.buy_shares
    summary = _summary(request, spec, settled)
    context = {"form": form, "plan": plan, "settled": settled, "mode": "guided", **summary}
    return account_form(request, "server_new", context, section="servers", bad=form.is_bound)


def _from_address(request: AccountRequest) -> NewServer:
    """The initial values from the address. Invalid ones are ignored, because an address can contain anything."""
    asked = NewServerForm(request.GET, account=request.account)
    asked.is_valid()
    return asked.spec()


def _initial(spec: NewServer) -> dict[str, object]:
    """The entries of a spec for the form; none of the first boot, which an address can't choose for somebody."""
    return {
        name: value
        for name, value in asdict(spec).items()
        if value not in (0, "") and name not in ("ssh_keys", "user_data_bytes")
    }


@require_http_methods(FORMS)
@account_page
def new(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    if request.method != "POST":
        shown = _from_address(request)
        form = NewServerForm(account=request.account, member=request.member, initial=_initial(shown))
        return _page(request, form, None, shown=shown)
    form = NewServerForm(request.POST, account=request.account, member=request.member)
    if form.is_valid():
        try:
            plan = plans.draft(
                form.spec(),
                account=request.account,
                by=request.member,
                nonce=form.cleaned_data["nonce"],
                secret=form.secret(),
            )
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return to_plan(plan)
    return _page(request, form, None)


def change(request: AccountRequest, plan: Plan) -> HttpResponse:
    """Change the plan of a new server. Steps that are done or running stay as they are."""
    settled = frozenset(step.name for step in steps.steps(plan) if step.state in {"done", "running"})
    kept = not steps.needs_password(plan)
    form = NewServerForm(
        request.POST or None,
        account=request.account,
        member=request.member,
        initial=dict(plan.spec),
        settled=settled,
        password_kept=kept,
        before=plan.spec.get("ssh_keys"),
        before_bytes=plan.spec.get("user_data_bytes", 0),
        is_kept=kept,
    )
    if form.is_valid():
        try:
            plans.revise(plan, form.spec(), by=request.member, secret=form.secret())
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return to_plan(plan)
    return _page(request, form, plan, settled)


@require_POST
@account_page
def preview(request: AccountRequest) -> HttpResponse:
    """The summary beside the form, for the values entered so far. Saves nothing.

    The short form has no summary, and asks with the host name alone.
    """
    hint = hint_line(request.POST.get("hostname", "").strip()[:253], request.account, swap=True)
    if request.POST.keys() <= {"hostname", "csrfmiddlewaretoken"}:
        return HttpResponse(hint)
    form = NewServerForm(request.POST, account=request.account, password_kept=True)
    form.is_valid()
    return render(
        request,
        "hosting/_server_new_summary.html",
        {
            "account": request.account,
            "swap": True,
            "hostname_hint": hint,
            **_summary(request, form.spec(), frozenset()),
        },
    )


@require_http_methods(FORMS)
@account_page
def alone(request: AccountRequest) -> HttpResponse:
    """A server without a data disk, from free shares, as one operation."""
    request.member.require(Permission.OPERATE)
    initial = {} if request.method == "POST" else _initial(_from_address(request))
    form = ServerAloneForm(request.POST or None, account=request.account, member=request.member, initial=initial)
    if form.is_valid() and submitting.submit_from_page(
        request, form.kind(), nonce=form.cleaned_data["nonce"], form=form, secret=form.secret()
    ):
        return back(request, reverse("servers", args=[request.account.pk]))
    context = {
        "form": form,
        "mode": "alone",
        "capacity": overview(request.account),
        "submit": _("Create server"),
        "icon": "server",
        "cancel": reverse("servers", args=[request.account.pk]),
        "password_again": True,
    }
    return account_form(request, "server_alone", context, section="servers", bad=form.is_bound)
