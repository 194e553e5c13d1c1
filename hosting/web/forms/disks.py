"""Forms that create or attach a disk."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import CreateDisk
from hosting.reading import search
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.names import NameField
from hosting.web.forms.numbers import DiskSizeField
from hosting.web.wording.isolation import flash, names

# Servers named in the error when the typed name matches several.
MOST_NAMED = 5


class DiskForm(ChangeForm):
    name = NameField(label=_("Label"), max_length=rules.MAX_NAME, validators=[rules.name])
    size_mb = DiskSizeField(
        label=_("Size, in GB"),
        initial="8",
        help_text=_("For example 8 or 8.5. You can also enter MB with the unit: 2048 MB."),
    )
    fstype = forms.ChoiceField(label=_("File system"), choices=[(name, name) for name in rules.FSTYPES])

    def kind(self) -> CreateDisk:
        data = self.cleaned_data
        return CreateDisk(size_mb=data["size_mb"], name=data["name"], fstype=data["fstype"])


class AttachForm(ChangeForm):
    """The server to attach a disk to. Its name is typed, because there may be thousands of servers."""

    vm_id = forms.CharField(
        label=_("Server"),
        max_length=280,
        help_text=_("Server name, or # and the provider ID. A disk can be attached to one server at a time."),
        widget=forms.TextInput(
            attrs={
                "list": "servers",
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "none",
                # The page's own address returns the servers that match.
                "hx-get": "",
                "hx-trigger": "input changed delay:200ms",
                "hx-target": "#servers",
                "hx-swap": "innerHTML",
                "hx-params": "vm_id",
                "hx-sync": "this:replace",
            }
        ),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._account = account

    def clean_vm_id(self) -> int:
        """The provider's id of the server."""
        typed = self.cleaned_data["vm_id"]
        if (found := search.server(typed, self._account)) is not None:
            return found.remote_id
        like = [search.server_label(vm) for vm in search.servers_like(typed, self._account)[:MOST_NAMED]]
        if not like:
            raise ValidationError(_("No servers match. Check the name."))
        raise ValidationError(flash(str(_("Several servers match. Choose one: %(names)s.")), names=names(like)))
