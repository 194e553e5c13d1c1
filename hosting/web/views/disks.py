"""Disks: the list, a disk's page, and creating, attaching, detaching or deleting one."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.annotations import tags
from hosting.annotations.models import ObjectType
from hosting.inventory import ages
from hosting.inventory.models import Disk, Vm
from hosting.operations.kinds.catalogue import AttachDisk, DeleteDisk, DetachDisk
from hosting.reading import queries, search
from hosting.teams.roles import Permission
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.audit import lines
from hosting.web.forms.bulk_actions import SECTIONS
from hosting.web.forms.confirm import TypedNameForm
from hosting.web.forms.disks import AttachForm, DiskForm
from hosting.web.lists import csv_export
from hosting.web.lists import state as list_state
from hosting.web.lists.filters import DiskFilter
from hosting.web.lists.tables import DiskTable, table
from hosting.web.pages import annotations, submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.isolation import flash, naming

FORMS = ["GET", "HEAD", "POST"]


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    known = tags.of_team(request.account.team_id)
    rows = DiskFilter(request.GET, queryset=Disk.objects.filter(account=request.account), tags=known)
    disks = table(request, DiskTable, rows.qs, order_by="name")
    if csv_export.wanted(request):
        return csv_export.as_csv(request, disks, csv_export.DISKS, name=f"disks-{request.account.label}")
    shown = [row.record for row in disks.paginated_rows]
    context = {
        "table": disks,
        "filter": rows,
        "capacity": queries.capacity_of(request.account),
        "open": queries.open_by_target(request.account),
        "bulk_actions": SECTIONS["disks"].offered(request.member),
        "vm_names": queries.vm_names(request.account, (disk.vm_remote_id for disk in shown)),
        "unattached": queries.unattached_disks(request.account),
        "views": list_state.views(request, "disks"),
        **annotations.in_list(request, ObjectType.DISK, [disk.remote_id for disk in shown], known),
    }
    return render_page(request, "disks", context)


def _disk(request: AccountRequest, remote_id: int) -> Disk:
    disk: Disk = get_object_or_404(Disk, account=request.account, remote_id=remote_id)
    return disk


def _server_of(disk: Disk) -> Vm | None:
    """The server that the disk is attached to, if the mirror has it."""
    if disk.vm_remote_id is None:
        return None
    return Vm.objects.filter(account_id=disk.account_id, remote_id=disk.vm_remote_id).first()


@require_safe
@account_page
def detail(request: AccountRequest, remote_id: int) -> HttpResponse:
    disk = _disk(request, remote_id)
    operations = queries.operations_with(request.account, disk_id=remote_id)
    context = {
        "disk": disk,
        "server": _server_of(disk),
        "operations": operations,
        "operation": queries.at_work_on(f"disk:{remote_id}", operations),
        "audit_lines": lines.of_object(request, thing=f"disk:{remote_id}"),
        **annotations.on_page(request.account, ObjectType.DISK, remote_id),
        "details_at": ages.details_of(disk, request.account),
    }
    return render_page(request, "disk", context, section="disks")


@require_http_methods(FORMS)
@account_page
def new(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    form = DiskForm(request.POST or None)
    if form.is_valid() and submitting.submit_from_page(
        request, form.kind(), nonce=form.cleaned_data["nonce"], form=form
    ):
        return back(request, reverse("disks", args=[request.account.pk]))
    context = {
        "form": form,
        "title": _("New disk"),
        "submit": _("Create disk"),
        "icon": "hard-drive",
        "cancel": reverse("disks", args=[request.account.pk]),
    }
    return account_form(request, "form", context, section="disks", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def attach(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    disk = _disk(request, remote_id)
    if request.htmx and request.method != "POST":
        servers = search.servers_like(request.GET.get("vm_id", ""), request.account)
        return render(request, "hosting/_server_options.html", {"servers": servers})
    here = reverse("disk", args=[request.account.pk, remote_id])
    form = AttachForm(request.POST or None, account=request.account)
    if form.is_valid():
        kind = AttachDisk(disk.remote_id, form.cleaned_data["vm_id"])
        if submitting.submit_from_page(request, kind, nonce=form.cleaned_data["nonce"], form=form):
            return back(request, here)
    context = {
        "form": form,
        "disk": disk,
        "servers": search.servers_like(request.POST.get("vm_id", ""), request.account),
        "facts": "hosting/_disk_facts.html",
        "title": naming(_("Attach %(name)s"), name=disk),
        "submit": _("Attach"),
        "icon": "link",
        "cancel": here,
    }
    return account_form(request, "disk_attach", context, section="disks", bad=form.is_bound)


@require_POST
@account_page
def detach(request: AccountRequest, remote_id: int) -> HttpResponse:
    disk = _disk(request, remote_id)
    if disk.vm_remote_id is None:
        request.member.require(Permission.OPERATE)
        messages.warning(request, flash(_("%(name)s isn't attached to a server."), name=disk))
    else:
        kind = DetachDisk(disk.remote_id, disk.vm_remote_id)
        submitting.submit_from_page(request, kind, nonce=submitting.nonce_of(request))
    return back(request, reverse("disk", args=[request.account.pk, remote_id]))


@require_http_methods(FORMS)
@account_page
@reauthenticated
def delete(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.DELETE)
    disk = _disk(request, remote_id)
    form = TypedNameForm(request.POST or None, expected=str(disk))
    if form.is_valid() and submitting.submit_from_page(
        request, DeleteDisk(disk.remote_id), nonce=form.cleaned_data["nonce"], form=form
    ):
        return back(request, reverse("disks", args=[request.account.pk]))
    context = {
        "form": form,
        "disk": disk,
        "server": _server_of(disk),
        "facts": "hosting/_disk_facts.html",
        "title": naming(_("Delete %(name)s"), name=disk),
        "lead": _("The disk and all its data will be deleted permanently. This can't be undone."),
        "warnings": submitting.quiet_hours_warnings(request, DeleteDisk)
        + ([_("This disk is attached to a server. Detach it first.")] if disk.vm_remote_id else []),
        "submit": _("Delete disk"),
        "icon": "trash-2",
        "danger": True,
        "cancel": reverse("disk", args=[request.account.pk, remote_id]),
    }
    return account_form(request, "form", context, section="disks", bad=form.is_bound)
