"""Forms that create or resize a server."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.inventory.models import OsImage, Vm
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import CreateVm, UpdateVm
from hosting.operations.plans.new_server import NewServer
from hosting.web.forms.base import ChangeForm, DurationField
from hosting.web.forms.confirm import root_password
from hosting.web.forms.first_boot import FirstBootForm
from hosting.web.forms.hostnames import hint_line
from hosting.web.forms.names import NameField
from hosting.web.forms.numbers import DiskSizeField, SizeField, WholeField

# Values for the summary where nothing valid was entered yet.
BLANK = NewServer(
    buy_shares=0,
    duration="1m",
    hostname="",
    os_id=0,
    shares=1,
    cpu=1,
    login="admin",
    disk_size_mb=8192,
    disk_name="data",
    disk_fstype="ext3",
)

PLAIN_TEXT = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}
TYPE_AGAIN = _("Enter the password again. Forms don't keep passwords.")

HOSTNAME_HELP = _("Letters, digits and hyphens, such as web-1 or db.example.org.")

# The step of the guided flow that each field belongs to.
FIELDS_OF_STEP = {
    "buy": ("buy_shares", "duration"),
    "verify": (),
    "vm": ("os_id", "hostname", "shares", "cpu", "login", "password", *FirstBootForm.of_first_boot),
    "disk": ("disk_size_mb", "disk_name", "disk_fstype"),
    "attach": (),
}


def image_choices(images: Iterable[OsImage]) -> list[tuple[object, str | Promise]]:
    """Operating systems to choose from, and nothing chosen yet."""
    named = ((image.remote_id, f"{image.label} ({image.arch})" if image.arch else image.label) for image in images)
    return [("", _("Choose one")), *named]


class ServerForm(FirstBootForm):
    """The fields of a server itself."""

    os_id = forms.TypedChoiceField(label=_("Operating system"), coerce=int)
    hostname = forms.CharField(
        label=_("Host name"),
        max_length=253,
        validators=[rules.hostname],
    )
    shares = WholeField(
        label=_("Shares"),
        validators=[rules.shares],
        help_text=_("Each share includes memory and part of a core."),
    )
    cpu = WholeField(
        label=_("CPUs"),
        validators=[rules.cpu],
        help_text=_("Up to 4, with at most one per share."),
    )
    login = forms.CharField(
        label=_("Admin login"),
        max_length=32,
        validators=[rules.login],
        help_text=_("The user you will sign in as over SSH."),
    )
    password = root_password()

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, account=account, **kwargs)
        images = OsImage.objects.filter(account=account)
        self.fields["os_id"].choices = image_choices(images)  # type: ignore[attr-defined]
        for name in ("hostname", "login"):
            self.fields[name].widget.attrs |= PLAIN_TEXT
        hostname = self.fields["hostname"]
        shown = self.data.get("hostname", "") if self.is_bound else self.get_initial_for_field(hostname, "hostname")
        hostname.help_text = format_html("{} {}", HOSTNAME_HELP, hint_line(str(shown or ""), account))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "shares" in data and "cpu" in data and data["cpu"] > data["shares"] and not self.fields["cpu"].disabled:
            self.add_error("cpu", ValidationError(_("A server can have at most one CPU per share.")))
        return data


class ServerAloneForm(ServerForm):
    """A server without a data disk, from free shares."""

    field_order = ("hostname", "os_id", "shares", "cpu", "login", "password")

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, account=account, **kwargs)
        for name in ("shares", "cpu", "login"):
            self.fields[name].initial = getattr(BLANK, name)
        # The page of the guided form asks with the whole form.
        self.fields["hostname"].widget.attrs |= {
            "hx-post": reverse("server_preview", args=[account.pk]),
            "hx-trigger": "input changed delay:300ms",
            "hx-params": "hostname,csrfmiddlewaretoken",
            "hx-swap": "none",
            "hx-sync": "this:replace",
        }
        # The defaults are those of the newest server.
        servers = Vm.objects.filter(account=account).order_by("-remote_id")
        self.fields["os_id"].initial = servers.values_list("os_id", flat=True).first()
        if self.is_bound:
            self.fields["password"].help_text = TYPE_AGAIN

    def kind(self) -> CreateVm:
        data = self.cleaned_data
        return CreateVm(
            hostname=data["hostname"],
            os_id=data["os_id"],
            shares=data["shares"],
            cpu=data["cpu"],
            login=data["login"],
            ssh_keys=self.chosen_keys(),
            user_data_bytes=self.user_data_bytes(),
        )


class NewServerForm(ServerForm):
    """The five steps of a new server on one page."""

    buy_shares = WholeField(
        label=_("Shares to buy"),
        validators=[rules.bought_shares],
        help_text=_("Enter 0 to use your free shares."),
    )
    duration = DurationField(label=_("Duration"), help_text=_("Only applies when you buy shares."))
    disk_size_mb = DiskSizeField(
        label=_("Size, in GB"), help_text=_("For example 8 or 8.5. You can also enter MB with the unit: 2048 MB.")
    )
    disk_name = NameField(label=_("Label"), max_length=rules.MAX_NAME, validators=[rules.name])
    disk_fstype = forms.ChoiceField(label=_("File system"), choices=[(name, name) for name in rules.FSTYPES])

    def __init__(
        self,
        *args: Any,
        account: Account,
        password_kept: bool = False,
        settled: frozenset[str] = frozenset(),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, account=account, **kwargs)
        self.fields["disk_name"].widget.attrs |= PLAIN_TEXT
        if password_kept:
            self.fields["password"].required = False
            self.fields["password"].help_text = _("Leave empty to keep the password you entered before.")
        for step in settled:
            for name in self.fields.keys() & set(FIELDS_OF_STEP[step]):
                self.fields[name].disabled = True
                self.fields[name].required = False
        if self.is_bound and "vm" not in settled and not password_kept:
            self.fields["password"].help_text = TYPE_AGAIN

    def spec(self) -> NewServer:
        """The spec so far: valid inputs, and those of `BLANK` for the rest."""
        answers = asdict(BLANK)
        for name in answers:
            value = self.cleaned_data.get(name)
            if value is not None and value != "":
                answers[name] = value
        answers |= {"ssh_keys": self.chosen_keys(), "user_data_bytes": self.user_data_bytes()}
        return NewServer(**answers)


class ResizeForm(ChangeForm):
    renamed = {"vm_max_memory_mb": "max_memory"}

    shares = WholeField(label=_("Shares"), validators=[rules.shares])
    cpu = WholeField(
        label=_("CPUs"),
        validators=[rules.cpu],
        help_text=_("Up to 4, with at most one per share."),
    )
    max_memory = SizeField(
        label=_("Memory limit without a reboot, in MB"),
        validators=[rules.vm_max_memory_mb],
        help_text=_("Going above this limit, or changing it, requires stopping the server."),
    )

    def __init__(self, *args: Any, vm: Vm, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vm = vm
        self.now = {"shares": vm.shares, "cpu": vm.cores, "max_memory": vm.vm_max_memory_mb}
        for name, value in self.now.items():
            self.fields[name].initial = value

    def kind(self) -> UpdateVm:
        new = {name: self.cleaned_data[name] for name in self.now}
        changed = {name: value if value != self.now[name] else None for name, value in new.items()}
        return UpdateVm(
            self.vm.remote_id, shares=changed["shares"], cpu=changed["cpu"], vm_max_memory_mb=changed["max_memory"]
        )
