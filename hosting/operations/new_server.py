"""What a new server takes: what the guided flow asks for, the requests that it becomes, and the shares it needs."""

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.inventory.capacity import Capacity
from hosting.inventory.models import OsImage
from hosting.operations import kinds
from hosting.operations.capacity import overview
from hosting.operations.kind import Kind
from hosting.operations.models import Plan
from hosting.operations.rejection import Invalid, NotEnough, WrongState

STEPS = ("buy", "verify", "vm", "disk", "attach")


@dataclass(frozen=True)
class NewServer:
    """What the guided flow asks for. `buy_shares` 0 starts from free shares; the root password travels apart."""

    buy_shares: int
    duration: str
    hostname: str
    os_id: int
    shares: int
    cpu: int
    login: str
    disk_size_mb: int
    disk_name: str
    disk_fstype: str

    def kind_of(self, step: str, *, vm_id: int = 0, disk_id: int = 0) -> Kind:
        """The request that a step makes."""
        match step:
            case "buy":
                return kinds.AddProduct("shares", self.buy_shares, self.duration)
            case "vm":
                return kinds.CreateVm(self.hostname, self.os_id, self.shares, self.cpu, self.login)
            case "disk":
                return kinds.CreateDisk(self.disk_size_mb, self.disk_name, self.disk_fstype)
            case "attach":
                return kinds.AttachDisk(disk_id, vm_id)
        raise ValueError(step)

    def keeping(self, before: "NewServer", done: Collection[str]) -> "NewServer":
        """This specification with the inputs of the steps that are done as they were."""
        kept = {name: getattr(before, name) for step in done for name in _INPUTS.get(step, {})}
        return replace(self, **kept)


# Which inputs belong to which step, and what the kinds call them.
_INPUTS = {
    "buy": {"buy_shares": "quantity", "duration": "duration"},
    "vm": {name: name for name in ("hostname", "os_id", "shares", "cpu", "login")},
    "disk": {"disk_size_mb": "size_mb", "disk_name": "name", "disk_fstype": "fstype"},
}


def spec_of(plan: Plan) -> NewServer:
    """What a plan asks for."""
    return NewServer(**{field.name: plan.spec[field.name] for field in fields(NewServer)})


def validate(spec: NewServer, account: Account, password: str, done: Collection[str] = ()) -> None:
    """Check the inputs of the steps that are not done, and that shares and disk will suffice for them.

    Raises:
        Rejected: with the field of `NewServer` (or `password`) that is wrong.
    """
    for step, inputs in _INPUTS.items():
        if step in done or (step == "buy" and not spec.buy_shares):
            continue
        try:
            spec.kind_of(step).validate(password if step == "vm" else "")
        except Invalid as error:
            names = {theirs: ours for ours, theirs in inputs.items()}
            raise Invalid(error.message, field=names.get(error.field or "", error.field)) from None
    if "vm" not in done and not OsImage.objects.filter(account=account, remote_id=spec.os_id).exists():
        raise Invalid(_("This operating system is not on offer any more: choose another one."), field="os_id")
    capacity = overview(account)
    if capacity is None:
        raise WrongState(_("This account has not been read from the provider yet: try again in a moment."))
    bought = 0 if "buy" in done else spec.buy_shares
    missing = missing_shares(spec, capacity, system_disk_mb(spec, account), done) - bought
    if missing > 0:
        raise NotEnough(
            _("%(missing)d more shares are needed: for the server, or for the disk space that they bring.")
            % {"missing": missing},
            field="buy_shares",
        )


def system_disk_mb(spec: NewServer, account: Account) -> int:
    """What the operating system's disk takes, in MB; 0 when the system is not known."""
    image = OsImage.objects.filter(account=account, remote_id=spec.os_id).first()
    return image.min_disk_mb if image else 0


def missing_shares(spec: NewServer, capacity: Capacity, system_mb: int, done: Collection[str] = ()) -> int:
    """How many shares must be bought for the steps that are not done: for the server, or for the disks."""
    shares = 0 if "vm" in done else spec.shares
    disk_mb = (0 if "vm" in done else system_mb) + (0 if "disk" in done else spec.disk_size_mb)
    return capacity.missing_shares(shares, disk_mb)
