"""Plans of every kind: their steps and progress, and starting, changing, resuming or discarding them."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.inventory.models import OsImage, Vm
from hosting.operations.lifecycle import approvals
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Rejected
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans.base import Step
from hosting.operations.plans.catalogue import spec_of
from hosting.operations.plans.steps import must_buy, needs_password
from hosting.operations.plans.steps import steps as steps_of
from hosting.teams.roles import Permission
from hosting.web.access import reauthentication
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.pages import submitting
from hosting.web.pages.render import account_page as render_page
from hosting.web.pages.render import to_plan
from hosting.web.views import new_server, resize
from hosting.web.wording import costs

FORMS = ["GET", "HEAD", "POST"]

# The view that changes each kind of plan.
_CHANGE = {Plan.Kind.NEW_SERVER: new_server.change, Plan.Kind.RESIZE: resize.change}


def _plan(request: AccountRequest, plan_id: int) -> Plan:
    plan: Plan = get_object_or_404(
        Plan.objects.select_related("requested_by", "requested_through", "account"), account=request.account, pk=plan_id
    )
    return plan


def _subject(request: AccountRequest, plan: Plan, steps: list[Step]) -> dict[str, object]:
    """The server of a plan, if there is one yet, in one query."""
    if plan.kind == Plan.Kind.RESIZE:
        vm_id = plan.spec["vm_id"]
        return {"vm_id": vm_id, "vm": Vm.objects.filter(account=request.account, remote_id=vm_id).first()}
    images = OsImage.objects.filter(account=request.account, remote_id=plan.spec["os_id"])
    made = next((step.operation.vm_id for step in steps if step.operation and step.name == "vm"), None)
    return {"vm_id": made, "os_label": images.values_list("label", flat=True).first()}


def _quote(request: AccountRequest, plan: Plan) -> costs.Quote:
    """What a plan will still spend."""
    spec = spec_of(plan)
    return costs.quote(request.account, [(spec.request(spec.spending_step, {}), None)], by=request.member)


@require_safe
@account_page
def detail(request: AccountRequest, plan_id: int) -> HttpResponse:
    plan = _plan(request, plan_id)
    steps = steps_of(plan)
    still_buys = must_buy(plan)
    held = next((step.operation for step in steps if step.operation and step.operation.state == State.HELD), None)
    context = {
        "plan": plan,
        "approvers": approvals.approvers(request.account, besides=held.requested_by_id) if held else (),
        "spec": plan.spec,
        "steps": steps,
        "needs_password": needs_password(plan),
        "must_buy": still_buys,
        "quote": _quote(request, plan) if still_buys and not held else None,
        # A resize can't be changed once its size was changed: nothing in it is left to decide.
        "changeable": not any(step.name == "change" and step.state in {"done", "running"} for step in steps),
        "facts": f"hosting/_plan_facts_{plan.kind}.html",
        **_subject(request, plan, steps),
    }
    return render_page(request, "plan", context, section="servers")


@require_http_methods(FORMS)
@account_page
def change(request: AccountRequest, plan_id: int) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    plan = _plan(request, plan_id)
    if plan.state not in {Plan.State.DRAFT, Plan.State.STOPPED}:
        messages.warning(request, _("You can only change a plan before it starts or after it has stopped."))
        return to_plan(plan)
    return _CHANGE[Plan.Kind(plan.kind)](request, plan)


def _press(move: Callable[..., None], *, spends: bool) -> Callable[..., HttpResponseBase]:
    @require_POST
    @account_page
    def view(request: AccountRequest, plan_id: int) -> HttpResponseBase:
        plan = _plan(request, plan_id)
        if spends and must_buy(plan) and _quote(request, plan).over and not reauthentication.is_recent(request):
            # It will wait for approval, and the approver must be able to trust who requested it.
            return reauthentication.redirect_to_confirm(request)
        try:
            move(plan, by=request.member)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, None)
        return to_plan(plan)

    return view


start, resume = _press(plans.start, spends=True), _press(plans.resume, spends=True)
abandon = _press(plans.abandon, spends=False)
