"""Forms that rename a server, install it anew, or name one of its addresses."""

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from hosting.inventory.models import Disk, OsImage, Vm
from hosting.operations.kinds import rules
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.confirm import TypedNameForm, root_password
from hosting.web.forms.hostnames import hint_line
from hosting.web.forms.servers import HOSTNAME_HELP, PLAIN_TEXT, TYPE_AGAIN, image_choices

_TYPE_TO_REINSTALL = _("The name doesn't match. Type “%(name)s” to reinstall it.")


class RenameForm(ChangeForm):
    hostname = forms.CharField(
        label=_("New host name"),
        max_length=253,
        validators=[rules.hostname],
        widget=forms.TextInput(attrs=PLAIN_TEXT),
    )

    def __init__(self, *args: Any, vm: Vm, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vm = vm
        field = self.fields["hostname"]
        field.initial = vm.hostname
        typed = self.data.get("hostname", "") if self.is_bound else ""
        field.help_text = format_html("{} {}", HOSTNAME_HELP, hint_line(str(typed), vm.account))

    def kind(self) -> RenameVm:
        return RenameVm(self.vm.remote_id, self.cleaned_data["hostname"])


class ReinstallForm(TypedNameForm):
    """Offers the operating systems that fit on the server's system disk."""

    os_id = forms.TypedChoiceField(label=_("Operating system"), coerce=int)
    password = root_password()

    field_order = ("os_id", "password", "name")

    def __init__(self, *args: Any, vm: Vm, system_disk: Disk | None, **kwargs: Any) -> None:
        super().__init__(*args, expected=str(vm), words=_TYPE_TO_REINSTALL, **kwargs)
        self.vm = vm
        images = OsImage.objects.filter(account=vm.account_id)
        if system_disk is not None:
            images = images.filter(min_disk_mb__lte=system_disk.size_mb)
        self.fields["os_id"].choices = image_choices(images)  # type: ignore[attr-defined]
        self.fields["os_id"].initial = vm.os_id
        if self.is_bound:
            self.fields["password"].help_text = TYPE_AGAIN

    def kind(self) -> ReinstallVm:
        return ReinstallVm(self.vm.remote_id, self.cleaned_data["os_id"])


class ReverseForm(ChangeForm):
    renamed = {"name": "reverse"}

    reverse = forms.CharField(
        label=_("Reverse name"),
        max_length=253,
        required=False,
        validators=[rules.reverse_name],
        widget=forms.TextInput(attrs=PLAIN_TEXT),
        help_text=_("For example www.example.org. Leave empty for the provider's default."),
    )

    def kind(self, vm: Vm, ip_id: int) -> NameAddress:
        return NameAddress(vm.remote_id, ip_id, self.cleaned_data["reverse"])
