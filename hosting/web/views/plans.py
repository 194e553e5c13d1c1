"""A new server: one form that mirrors the specification's five steps, and the plan that carries them out."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.inventory.models import OsImage
from hosting.operations import capacity, plan_steps, plans
from hosting.operations.models import Plan
from hosting.operations.new_server import NewServer, missing_shares, system_disk_mb
from hosting.operations.rejection import Rejected
from hosting.teams.roles import Permission
from hosting.web import changes
from hosting.web.forms.servers import BLANK, NewServerForm
from hosting.web.pages import account_form
from hosting.web.pages import account_page as render_page
from hosting.web.scope import AccountRequest, account_page

FORMS = ["GET", "HEAD", "POST"]


def _summary(request: AccountRequest, spec: NewServer, settled: frozenset[str]) -> dict[str, object]:
    """What the specification needs and costs, as far as it is known."""
    overview = capacity.overview(request.account)
    missing = spec.buy_shares
    if overview:
        missing = missing_shares(spec, overview, system_disk_mb(spec, request.account), settled)
    return {
        "steps": plan_steps.preview(spec, request.account),
        "spec": spec,
        "worth": overview.share.times(spec.shares) if overview else None,
        "capacity": overview,
        "missing": missing,
        "buying_settled": "buy" in settled,
    }


def _page(
    request: AccountRequest, form: NewServerForm, plan: Plan | None, settled: frozenset[str] = frozenset()
) -> HttpResponse:
    # For an unbound form the summary shows what the fields hold at first.
    spec = form.spec() if form.is_bound else NewServer(**plan.spec) if plan else BLANK
    summary = _summary(request, spec, settled)
    if plan is None and not form.is_bound:
        form.initial["buy_shares"] = summary["missing"]
    context = {"form": form, "plan": plan, "settled": settled, **summary}
    return account_form(request, "server_new", context, section="servers", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def new(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    if request.method != "POST":
        initial = {name: getattr(BLANK, name) for name in NewServer.__dataclass_fields__ if name != "os_id"}
        return _page(request, NewServerForm(account=request.account, initial=initial), None)
    form = NewServerForm(request.POST, account=request.account)
    if form.is_valid():
        data = form.cleaned_data
        try:
            plan = plans.draft(
                form.spec(),
                account=request.account,
                by=request.member,
                nonce=data["nonce"],
                password=data["password"],
            )
        except Rejected as rejection:
            changes.tell(request, rejection, form)
        else:
            return _to_plan(plan)
    return _page(request, form, None)


def _settled(plan: Plan) -> frozenset[str]:
    """The steps of a plan that were carried out, or are being: what they did can't be changed any more."""
    return frozenset(step.name for step in plan_steps.steps(plan) if step.state in {"done", "running"})


@require_http_methods(FORMS)
@account_page
def change(request: AccountRequest, plan_id: int) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    plan = _plan(request, plan_id)
    if plan.state not in {Plan.State.DRAFT, Plan.State.STOPPED}:
        messages.warning(request, _("A plan can be changed before it starts and after it stopped."))
        return _to_plan(plan)
    settled = _settled(plan)
    kept = not plan_steps.needs_password(plan)
    form = NewServerForm(
        request.POST or None,
        account=request.account,
        initial=dict(plan.spec),
        settled=settled,
        password_kept=kept,
    )
    if form.is_valid():
        try:
            plans.revise(plan, form.spec(), by=request.member, password=form.cleaned_data.get("password") or "")
        except Rejected as rejection:
            changes.tell(request, rejection, form)
        else:
            return _to_plan(plan)
    return _page(request, form, plan, settled)


@require_POST
@account_page
def preview(request: AccountRequest) -> HttpResponse:
    """The summary beside the form, for what was typed so far. Nothing is written."""
    form = NewServerForm(request.POST, account=request.account, password_kept=True)
    form.is_valid()
    return render(
        request,
        "hosting/_server_new_summary.html",
        {
            "account": request.account,
            "swap": True,
            **_summary(request, form.spec(), frozenset()),
        },
    )


def _plan(request: AccountRequest, plan_id: int) -> Plan:
    plan: Plan = get_object_or_404(
        Plan.objects.select_related("requested_by", "account"), account=request.account, pk=plan_id
    )
    return plan


def _to_plan(plan: Plan) -> HttpResponse:
    response = redirect("plan", plan.account_id, plan.pk)
    response.status_code = 303
    return response


@require_safe
@account_page
def detail(request: AccountRequest, plan_id: int) -> HttpResponse:
    plan = _plan(request, plan_id)
    steps = plan_steps.steps(plan)
    vm_id = next((step.operation.vm_id for step in steps if step.operation and step.name == "vm"), None)
    context = {
        "plan": plan,
        "spec": plan.spec,
        "steps": steps,
        "needs_password": plan_steps.needs_password(plan),
        "must_buy": plan_steps.must_buy(plan),
        "vm_id": vm_id,
        "os_label": OsImage.objects.filter(account=request.account, remote_id=plan.spec["os_id"])
        .values_list("label", flat=True)
        .first(),
    }
    return render_page(request, "plan", context, section="servers")


@require_POST
@account_page
def start(request: AccountRequest, plan_id: int) -> HttpResponse:
    plan = _plan(request, plan_id)
    try:
        plans.start(plan, by=request.member)
    except Rejected as rejection:
        changes.tell(request, rejection, None)
    return _to_plan(plan)


@require_POST
@account_page
def resume(request: AccountRequest, plan_id: int) -> HttpResponse:
    plan = _plan(request, plan_id)
    try:
        plans.resume(plan, by=request.member)
    except Rejected as rejection:
        changes.tell(request, rejection, None)
    return _to_plan(plan)


@require_POST
@account_page
def abandon(request: AccountRequest, plan_id: int) -> HttpResponse:
    plan = _plan(request, plan_id)
    try:
        plans.abandon(plan, by=request.member)
    except Rejected as rejection:
        changes.tell(request, rejection, None)
    return _to_plan(plan)
