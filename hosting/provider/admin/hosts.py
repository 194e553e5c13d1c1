"""Hosts with what is left on them, their networks, and what staff should look at."""

import ipaddress
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone

from hosting.provider.admin.choices import offer
from hosting.provider.admin.read_only import ReadOnlyMixin
from hosting.provider.engine import placement
from hosting.provider.models import Address, AddressPool, Alert, Host, SimulatedGuest
from hosting.provider.rules import values


@admin.register(Host)
class HostAdmin(admin.ModelAdmin):
    """Staff add hosts and put them into maintenance. The engine asks for their capacity, and notes who is away."""

    list_display = ("name", "state", "uri", "vms", "shares", "memory", "disk")
    fields = (
        "name",
        "uri",
        "state",
        "pool",
        "bridge",
        "emulated",
        "cpu_overcommit",
        "cores",
        "memory_mb",
        "pool_mb",
        "shares",
        "memory",
        "disk",
    )
    readonly_fields = ("shares", "memory", "disk")

    def get_form(self, request: HttpRequest, obj: Host | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Whether a host is away is not for staff to say."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None or obj.state != Host.State.AWAY:
            offer(form, "state", (Host.State.ACTIVE, Host.State.MAINTENANCE))
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Host | None = None) -> bool:
        """Rows of VMs and disks name their host for ever."""
        return super().has_delete_permission(request, obj) and (
            obj is None or not (obj.vms.exists() or obj.disks.exists())
        )

    def save_model(self, request: HttpRequest, obj: Host, form: ModelForm, change: bool) -> None:
        """Only what staff changed is written: the engine may note something meanwhile."""
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)

    @admin.display(description="VMs")
    def vms(self, host: Host) -> int:
        return host.vms.exclude(state="deleted").count()

    @admin.display(description="shares free")
    def shares(self, host: Host) -> str:
        total = int((host.cores or 0) * host.cpu_overcommit / values.SHARE_CORES)
        return f"{placement.room_on(host).shares} of {total}"

    @admin.display(description="memory free (MB)")
    def memory(self, host: Host) -> str:
        return f"{placement.room_on(host).memory_mb} of {host.memory_mb or 0}"

    @admin.display(description="disk free (MB)")
    def disk(self, host: Host) -> str:
        return f"{placement.room_on(host).pool_mb} of {host.pool_mb or 0}"


class AddressPoolForm(forms.ModelForm):
    class Meta:
        model = AddressPool
        fields = ("family", "cidr", "gateway", "bridge")

    def clean(self) -> dict[str, Any]:
        """The network, its family and its gateway must belong together."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            network = ipaddress.ip_network(cleaned["cidr"])
        except ValueError as error:
            raise forms.ValidationError({"cidr": str(error)}) from None
        if network.version != cleaned["family"]:
            raise forms.ValidationError({"family": f"This is a network of IPv{network.version}."})
        if ipaddress.ip_address(cleaned["gateway"]) not in network:
            raise forms.ValidationError({"gateway": "The gateway must be in the network."})
        others = AddressPool.objects.exclude(pk=self.instance.pk).filter(family=network.version)
        for other in others:
            if network.overlaps(ipaddress.ip_network(other.cidr)):
                raise forms.ValidationError({"cidr": f"It overlaps with {other}."})
        return cleaned


@admin.register(AddressPool)
class AddressPoolAdmin(admin.ModelAdmin):
    """The network of a pool stays: VMs have its addresses."""

    form = AddressPoolForm
    list_display = ("cidr", "family", "gateway", "bridge", "in_use")

    def has_change_permission(self, request: HttpRequest, obj: AddressPool | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not obj.addresses.exists())

    def has_delete_permission(self, request: HttpRequest, obj: AddressPool | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or not obj.addresses.exists())

    @admin.display(description="addresses in use")
    def in_use(self, pool: AddressPool) -> int:
        return pool.addresses.filter(released=None).count()


@admin.register(Address)
class AddressAdmin(ReadOnlyMixin, admin.ModelAdmin):
    list_display = ("ip", "reverse", "pool", "released")
    list_select_related = ("pool",)
    list_filter = ("pool",)
    search_fields = ("ip", "reverse")


@admin.register(Alert)
class AlertAdmin(ReadOnlyMixin, admin.ModelAdmin):
    """What the engine could not settle by itself."""

    list_display = ("kind", "about", "text", "date_raised", "date_ended")
    list_filter = (("date_ended", admin.EmptyFieldListFilter), "kind")
    ordering = ("-date_raised",)
    actions = ("end",)

    def has_change_permission(self, request: HttpRequest, obj: Alert | None = None) -> bool:
        """Actions need it; there is nothing to edit."""
        return obj is None

    @admin.action(description="Mark as settled")
    def end(self, request: HttpRequest, alerts: QuerySet[Alert]) -> None:
        alerts.filter(date_ended=None).update(date_ended=timezone.now())


@admin.register(SimulatedGuest)
class SimulatedGuestAdmin(admin.ModelAdmin):
    """What happens inside simulated hosts is for staff to say: a guest ends by itself, crashes, or is gone."""

    list_display = ("uuid", "host_id", "state", "memory_mb", "disks")
    list_filter = ("state",)
    fields = ("uuid", "host_id", "state", "memory_mb", "disks")
    readonly_fields = ("uuid", "host_id", "memory_mb", "disks")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
