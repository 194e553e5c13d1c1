"""Rename a server, install it anew, and name its addresses, where the provider offers that."""

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse as url_of
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from hosting.inventory.models import Disk, Vm
from hosting.operations.kinds.server_changes import ReinstallVm
from hosting.reading import queries
from hosting.teams.roles import Permission
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.server_changes import ReinstallForm, RenameForm, ReverseForm
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back
from hosting.web.wording.isolation import naming

FORMS = ["GET", "HEAD", "POST"]


def _server(request: AccountRequest, remote_id: int) -> Vm:
    vm: Vm = get_object_or_404(Vm.objects.select_related("account"), account=request.account, remote_id=remote_id)
    return vm


@require_http_methods(FORMS)
@account_page
def rename(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    vm = _server(request, remote_id)
    here = url_of("server", args=[request.account.pk, remote_id])
    form = RenameForm(request.POST or None, vm=vm)
    if form.is_valid() and submitting.submit_from_page(
        request, form.kind(), nonce=form.cleaned_data["nonce"], form=form
    ):
        return back(request, here)
    context = {
        "form": form,
        "title": naming(_("Rename %(name)s"), name=vm),
        "lead": _(
            "The provider and Sharedeck show the new name as soon as the operation is done. The server itself takes"
            " it the next time it starts."
        ),
        "submit": _("Rename"),
        "icon": "pencil",
        "cancel": here,
    }
    return account_form(request, "form", context, section="servers", bad=form.is_bound)


@sensitive_post_parameters("password")
@require_http_methods(FORMS)
@account_page
@reauthenticated
def reinstall(request: AccountRequest, remote_id: int) -> HttpResponse:
    request.member.require(Permission.DELETE)
    vm = _server(request, remote_id)
    disks = Disk.objects.filter(account=request.account, vm_remote_id=remote_id).order_by("position", "remote_id")
    system = disks.filter(is_boot_disk=True).first()
    here = url_of("server", args=[request.account.pk, remote_id])
    form = ReinstallForm(request.POST or None, vm=vm, system_disk=system)
    if form.is_valid() and submitting.submit_from_page(
        request, form.kind(), nonce=form.cleaned_data["nonce"], form=form, secret=form.cleaned_data["password"]
    ):
        return back(request, here)
    context = {
        "form": form,
        "vm": vm,
        "system_disk": system,
        "data_disks": disks.filter(is_boot_disk=False).count(),
        "operation": queries.at_work_on(f"vm:{remote_id}", queries.operations_with(request.account, vm_id=remote_id)),
        "facts": "hosting/_server_reinstall.html",
        "title": naming(_("Reinstall %(name)s"), name=vm),
        "lead": _("Everything on the server's system disk will be deleted permanently. This can't be undone."),
        "warnings": submitting.quiet_hours_warnings(request, ReinstallVm),
        "submit": _("Reinstall server"),
        "icon": "disc-3",
        "danger": True,
        "cancel": here,
        "password_again": True,
    }
    return account_form(request, "server_reinstall", context, section="servers", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def reverse(request: AccountRequest, remote_id: int, ip_id: int) -> HttpResponse:
    """Takes the form beside an address on the server's page, and shows it again when something is to be corrected."""
    request.member.require(Permission.OPERATE)
    vm = _server(request, remote_id)
    address = vm.address(ip_id)
    if address is None:
        raise Http404
    here = url_of("server", args=[request.account.pk, remote_id])
    form = ReverseForm(request.POST or None, initial={"reverse": address["reverse"]})
    if form.is_valid() and submitting.submit_from_page(
        request, form.kind(vm, ip_id), nonce=form.cleaned_data["nonce"], form=form
    ):
        return back(request, here)
    context = {
        "form": form,
        "title": naming(_("Reverse name of %(name)s"), name=address["ip"]),
        "submit": _("Save"),
        "icon": "globe",
        "cancel": here,
    }
    return account_form(request, "form", context, section="servers", bad=form.is_bound)
