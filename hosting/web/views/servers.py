"""Servers: the list, a server's page, and starting, stopping, rebooting or deleting one."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.annotations import tags
from hosting.annotations.models import ObjectType
from hosting.inventory import ages, refresh
from hosting.inventory.models import Disk, Vm
from hosting.operations.checks.offered import is_offered
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import DeleteVm, RebootVm, StartVm, StopVm
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.reading import queries
from hosting.teams.roles import Permission
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.audit import lines
from hosting.web.forms.bulk_actions import SECTIONS
from hosting.web.forms.confirm import TypedNameForm
from hosting.web.lists import csv_export
from hosting.web.lists import state as list_state
from hosting.web.lists.filters import VmFilter
from hosting.web.lists.tables import ServerTable, table
from hosting.web.pages import annotations, server_tabs, submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.isolation import naming

FORMS = ["GET", "HEAD", "POST"]
# What the page offers beside version 1 of the API, where the provider does.
_EXTENSIONS = {"rename": RenameVm, "reinstall": ReinstallVm, "reverse": NameAddress}
# A server has a handful of disks. The limit protects the page, which polls, from a provider that reports thousands.
DISKS_SHOWN = 100


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    known = tags.of_team(request.account.team_id)
    rows = VmFilter(request.GET, queryset=Vm.objects.filter(account=request.account), tags=known)
    servers = table(request, ServerTable, rows.qs, order_by="hostname")
    if csv_export.wanted(request):
        return csv_export.as_csv(request, servers, csv_export.SERVERS, name=f"servers-{request.account.label}")
    shown = [row.record.remote_id for row in servers.paginated_rows]
    context = {
        "table": servers,
        "filter": rows,
        "open": queries.open_by_target(request.account),
        "bulk_actions": SECTIONS["servers"].offered(request.member),
        "views": list_state.views(request, "servers"),
        **annotations.in_list(request, ObjectType.VM, shown, known),
    }
    return render_page(request, "servers", context)


def _server(request: AccountRequest, remote_id: int) -> Vm:
    vm: Vm = get_object_or_404(Vm, account=request.account, remote_id=remote_id)
    return vm


def _disks(vm: Vm) -> QuerySet[Disk]:
    """The disks of a server, by their position."""
    return Disk.objects.filter(account=vm.account_id, vm_remote_id=vm.remote_id).order_by("position", "remote_id")


@require_safe
@account_page
def detail(request: AccountRequest, remote_id: int) -> HttpResponse:
    vm = _server(request, remote_id)
    operations = queries.operations_with(request.account, vm_id=remote_id)
    shown = list(_disks(vm)[: DISKS_SHOWN + 1])
    refresh.request_links(vm, shown)
    context = {
        "vm": vm,
        "disks": shown[:DISKS_SHOWN],
        "disks_shown": DISKS_SHOWN if len(shown) > DISKS_SHOWN else None,
        "operations": operations,
        "operation": queries.at_work_on(f"vm:{remote_id}", operations),
        "open": queries.open_by_target(request.account),
        "plan": queries.unfinished_plan_of(request.account, remote_id),
        "offers": {name: is_offered(kind, request.account) for name, kind in _EXTENSIONS.items()},
        "audit_lines": lines.of_object(request, thing=f"vm:{remote_id}"),
        "may_redeem": bool(vm.shares_ended) and queries.may_redeem_shares(request.account),
        **annotations.on_page(request.account, ObjectType.VM, remote_id),
        "details_at": ages.details_of(vm, request.account),
        **server_tabs.context(request, vm, "overview"),
    }
    return render_page(request, "server", context, section="servers")


def _one_click(kind: Callable[[int], Kind]) -> Callable[..., HttpResponseBase]:
    """A view that submits a kind of operation for a server without a form, such as `stop` with `StopVm`."""

    @require_POST
    @account_page
    def view(request: AccountRequest, remote_id: int) -> HttpResponse:
        vm = _server(request, remote_id)
        submitting.submit_from_page(request, kind(vm.remote_id), nonce=submitting.nonce_of(request))
        return back(request, reverse("server", args=[request.account.pk, remote_id]))

    return view


start, stop, reboot = _one_click(StartVm), _one_click(StopVm), _one_click(RebootVm)


@require_http_methods(FORMS)
@account_page
@reauthenticated
def delete(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.DELETE)
    vm = _server(request, remote_id)
    form = TypedNameForm(request.POST or None, expected=str(vm))
    if form.is_valid() and submitting.submit_from_page(
        request, DeleteVm(vm.remote_id), nonce=form.cleaned_data["nonce"], form=form
    ):
        return back(request, reverse("servers", args=[request.account.pk]))
    context = {
        "form": form,
        "vm": vm,
        "disks": _disks(vm)[:DISKS_SHOWN],
        "facts": "hosting/_server_delete.html",
        "title": naming(_("Delete %(name)s"), name=vm),
        "lead": _("The server and its system disk will be deleted permanently. This can't be undone."),
        "warnings": submitting.quiet_hours_warnings(request, DeleteVm)
        + (
            []
            if vm.state in {Vm.State.HALTED, Vm.State.INVALID} or not vm.is_state_known
            else [_("Only stopped servers can be deleted. Stop the server first.")]
        ),
        "submit": _("Delete server"),
        "icon": "trash-2",
        "danger": True,
        "cancel": reverse("server", args=[request.account.pk, remote_id]),
    }
    return account_form(request, "form", context, section="servers", bad=form.is_bound)
