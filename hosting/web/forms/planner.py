"""The form of the capacity planner."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.inventory.models import OsImage
from hosting.operations.kinds import rules
from hosting.typed_numbers import between
from hosting.web.forms.errors import PlainErrors
from hosting.web.forms.numbers import DiskSizeField, WholeField

_MOST = 1000


class OptionalDiskField(DiskSizeField):
    """A disk size, where 0 means no disk."""

    def run_validators(self, value: Any) -> None:
        if value:
            super().run_validators(value)


class PlannerForm(PlainErrors):
    """The size and number of servers."""

    shares = WholeField(label=_("Shares"), validators=[rules.shares], initial=1)
    cpu = WholeField(label=_("CPUs"), validators=[rules.cpu], initial=1)
    os_id = forms.TypedChoiceField(label=_("Operating system"), coerce=int, required=False, empty_value=None)
    disk = OptionalDiskField(label=_("Data disk, in GB"), initial="0", required=False)
    count = WholeField(
        label=_("Number of servers"),
        validators=[between(1, _MOST, _("Enter %(least)s to %(most)s servers."))],
        initial=1,
    )

    def __init__(self, asked: Any, *, account: Account) -> None:
        self.images = {image.remote_id: image for image in OsImage.objects.filter(account=account)}
        # Parameters that the address does not have get a default, so that links need only some of them.
        first = next(iter(self.images), "")
        usual = {name: str(field.initial or "") for name, field in self.base_fields.items()} | {"os_id": str(first)}
        super().__init__({name: asked.get(name, value) for name, value in usual.items()})
        self.fields["os_id"].choices = [(number, image.label) for number, image in self.images.items()]  # type: ignore[attr-defined]
        self.fields["disk"].help_text = _("0 for none. The system disk is added automatically.")

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "shares" in data and "cpu" in data and data["cpu"] > data["shares"]:
            self.add_error("cpu", ValidationError(_("A server can have at most one CPU per share.")))
        return data

    @property
    def system_mb(self) -> int:
        """The size of the chosen operating system's disk, in MB."""
        image = self.images.get(self.cleaned_data.get("os_id") or next(iter(self.images), 0))
        return image.min_disk_mb if image else 0
