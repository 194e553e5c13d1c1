"""VMs and disks, and what VMs are made of."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from hosting.provider import news
from hosting.provider.admin.choices import offer
from hosting.provider.admin.read_only import ReadOnlyMixin
from hosting.provider.models import ChangedObject, Disk, OsImage, Vm

STAFF_STATES = (Vm.State.RUNNING, Vm.State.HALTED, Vm.State.PAUSED, Vm.State.LOCKED)


@admin.register(OsImage)
class OsImageAdmin(admin.ModelAdmin):
    list_display = ("id", "label", "arch", "kernel_version", "min_disk", "offered")


@admin.register(Vm)
class VmAdmin(admin.ModelAdmin):
    """Staff may pause, lock and describe a VM; the rest belongs to its owner."""

    list_display = ("id", "hostname", "account", "state", "host", "shares", "cores")
    list_select_related = ("account__handle", "host")
    list_filter = ("state", "host")
    search_fields = ("hostname", "=id")
    fields = ("account", "hostname", "state", "description", "os", "host", "shares", "cores", "vm_max_memory")
    readonly_fields = ("account", "hostname", "os", "host", "shares", "cores", "vm_max_memory")

    def get_form(self, request: HttpRequest, obj: Vm | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Offer only the states that staff may choose. Creating, deleting, starting and stopping are operations."""
        form = super().get_form(request, obj, change, **kwargs)
        not_offered = {Vm.State.RUNNING: Vm.State.HALTED, Vm.State.HALTED: Vm.State.RUNNING}
        if obj:
            offer(form, "state", (state for state in STAFF_STATES if state != not_offered.get(Vm.State(obj.state))))
        return form

    def has_change_permission(self, request: HttpRequest, obj: Vm | None = None) -> bool:
        """A VM in any other state belongs to the operation that will end it."""
        return super().has_change_permission(request, obj) and (obj is None or obj.state in STAFF_STATES)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Vm | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Vm, form: ModelForm, change: bool) -> None:
        """A state that staff chose is theirs: the provider starts no VM again that it did not pause.

        The engine pauses or resumes the guest within seconds (`engine.reconcile`). Only what staff changed is written:
        the rest may change meanwhile.
        """
        changed = [*form.changed_data]
        if "state" in changed:
            obj.shares_ended = None
            changed.append("shares_ended")
            if obj.state == Vm.State.RUNNING:
                obj.wanted = Vm.Wanted.RUNNING
                changed.append("wanted")
        with transaction.atomic():
            news.lock(obj.account_id)
            obj.save(update_fields=changed)
            # A state decides what is used of the account's capacity.
            news.note(obj.account_id, [(ChangedObject.Type.VM, obj.pk), (ChangedObject.Type.ACCOUNT, obj.account_id)])


@admin.register(Disk)
class DiskAdmin(ReadOnlyMixin, admin.ModelAdmin):
    list_display = ("id", "name", "account", "state", "type", "size", "vm", "host")
    list_select_related = ("account__handle", "vm", "host")
    list_filter = ("state", "type", "host")
    search_fields = ("name", "=id")
