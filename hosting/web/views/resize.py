"""Resize a server: at once when possible, or as a plan when the server must be stopped for it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.inventory.models import Vm
from hosting.operations.checks.preconditions import why_stop_first
from hosting.operations.kinds.catalogue import UpdateVm
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Rejected
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.operations.plans.resize import Resize
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.servers import ResizeForm
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back, to_plan
from hosting.web.wording.isolation import naming

FORMS = ["GET", "HEAD", "POST"]


@require_http_methods(FORMS)
@account_page
def resize(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    vm: Vm = get_object_or_404(Vm, account=request.account, remote_id=remote_id)
    form = ResizeForm(request.POST or None, vm=vm)
    here = reverse("server", args=[request.account.pk, remote_id])
    offered = False
    if form.is_valid():
        kind = form.kind()
        if why_stop_first(kind, vm, request.account):
            plan, offered = _draft(request, vm, kind, form)
            if plan:
                return to_plan(plan)
        elif submitting.submit_from_page(request, kind, nonce=form.cleaned_data["nonce"], form=form):
            return back(request, here)
    words: dict[str, object] = {
        "title": naming(_("Resize %(name)s"), name=vm),
        "submit": _("Resize"),
        "icon": "scaling",
        "cancel": here,
    }
    if offered:
        words |= {
            "submit": _("Review plan"),
            "submit_name": "plan",
            "icon": "list-checks",
            "warnings": [
                _(
                    "This resize requires a stopped server. Sharedeck can run it as a plan: stop the "
                    "server, resize it, start it again. You review the plan before it starts."
                )
            ],
        }
    return _page(request, form, vm, words)


def _draft(request: AccountRequest, vm: Vm, kind: UpdateVm, form: ResizeForm) -> tuple[Plan | None, bool]:
    """The plan of a resize that needs a stopped server, once the person has agreed to one. Otherwise None, and whether
    a plan can be offered.
    """
    spec = Resize.of(vm, kind)
    try:
        if "plan" not in request.POST:
            spec.validate(request.account, "")
            return None, True
        plan = plans.draft(spec, account=request.account, by=request.member, nonce=form.cleaned_data["nonce"])
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, form)
        return None, False
    return plan, False


def change(request: AccountRequest, plan: Plan) -> HttpResponse:
    """Change the plan of a resize, as long as the size was not changed."""
    if steps.is_done(plan, "change"):
        messages.warning(request, _("The server has already been resized. Choose “Retry” to start it."))
        return to_plan(plan)
    vm: Vm = get_object_or_404(Vm, account=request.account, remote_id=plan.spec["vm_id"])
    wanted = {"shares": plan.spec["shares"], "cpu": plan.spec["cpu"], "max_memory": plan.spec["vm_max_memory_mb"]}
    form = ResizeForm(request.POST or None, vm=vm, initial=wanted)
    if form.is_valid():
        try:
            plans.revise(plan, Resize.of(vm, form.kind()), by=request.member)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return to_plan(plan)
    words: dict[str, object] = {
        "title": naming(_("Change the plan for %(name)s"), name=vm),
        "submit": _("Save and review"),
        "icon": "list-checks",
        "cancel": reverse("plan", args=[request.account.pk, plan.pk]),
    }
    return _page(request, form, vm, words)


def _page(request: AccountRequest, form: ResizeForm, vm: Vm, words: dict[str, object]) -> HttpResponse:
    context = {"form": form, "vm": vm, "facts": "hosting/_server_facts.html", **words}
    return account_form(request, "form", context, section="servers", bad=form.is_bound)
