from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.operations import rules
from hosting.operations.kinds import CreateDisk
from hosting.web.forms.base import ChangeForm, DiskSizeField


class DiskForm(ChangeForm):
    name = forms.CharField(label=_("Label"), max_length=rules.MAX_NAME, validators=[rules.name])
    size_mb = DiskSizeField(
        label=_("Size, in GB"),
        initial="8",
        help_text=_("Such as 8 or 8.5. With the unit, MB work too: 2048 MB."),
    )
    fstype = forms.ChoiceField(label=_("File system"), choices=[(name, name) for name in rules.FSTYPES])

    def kind(self) -> CreateDisk:
        data = self.cleaned_data
        return CreateDisk(size_mb=data["size_mb"], name=data["name"], fstype=data["fstype"])


class AttachForm(ChangeForm):
    """Which server a disk goes to."""

    vm_id = forms.TypedChoiceField(
        label=_("Server"), coerce=int, help_text=_("A disk is attached to one server at a time.")
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        servers = (
            Vm.objects.filter(account=account)
            .exclude(state__in=(Vm.State.DELETED, Vm.State.INVALID))
            .order_by("hostname", "id")
        )
        self.fields["vm_id"].choices = [  # type: ignore[attr-defined]
            ("", _("Choose one")),
            *((vm.remote_id, f"{vm} ({vm.get_state_display()})") for vm in servers),
        ]
