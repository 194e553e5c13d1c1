"""The plan for a new server: the five steps of the specification, and the shares that they need."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account
from hosting.inventory.capacity import Capacity
from hosting.inventory.models import OsImage
from hosting.operations.capacity.overview import overview
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Invalid, NotEnough, WrongState
from hosting.operations.plans.base import PlanSpec, Step, StopReason

# The inputs of each step, and the names of these fields in its kind of operation.
_INPUTS = {
    "buy": {"buy_shares": "quantity", "duration": "duration"},
    "vm": {name: name for name in ("hostname", "os_id", "shares", "cpu", "login", "ssh_keys", "user_data_bytes")},
    "disk": {"disk_size_mb": "size_mb", "disk_name": "name", "disk_fstype": "fstype"},
}


@dataclass(frozen=True)
class NewServer(PlanSpec):
    """The inputs of the guided form. `buy_shares` 0 uses free shares. The secret is a `FirstBoot`, kept separately; of
    it, the SSH keys' names by their fingerprints and the size of the script are stored here.
    """

    kind = Plan.Kind.NEW_SERVER
    steps = ("buy", "verify", "vm", "disk", "attach")
    checks = frozenset({"verify"})
    spending_step = "buy"
    secret_step = "vm"  # noqa: S105 - a step

    buy_shares: int
    duration: str
    os_id: int
    shares: int
    cpu: int
    login: str
    disk_size_mb: int
    disk_name: str
    disk_fstype: str
    ssh_keys: Mapping[str, str] = field(default_factory=dict)
    user_data_bytes: int = 0

    def skips(self, step: str) -> bool:
        return step == "buy" and not self.buy_shares

    def is_settled(self, step: str, account: Account, so_far: Mapping[str, Operation]) -> bool:
        return step == "verify" and "vm" in so_far

    def obstacle(self, step: str, account: Account) -> StopReason | None:
        if step != "verify":
            return None
        capacity = overview(account)
        fits = capacity is not None and not missing_shares(self, capacity, system_disk_mb(self, account))
        return None if fits else StopReason.NOT_FREE

    def request(self, step: str, so_far: Mapping[str, Operation]) -> Kind:
        if step == "attach":
            return catalogue.AttachDisk(so_far["disk"].disk_id or 0, so_far["vm"].vm_id or 0)
        return self._making(step)

    def _making(self, step: str) -> Kind:
        """The operation of a step that takes inputs."""
        match step:
            case "buy":
                return catalogue.AddProduct("shares", self.buy_shares, self.duration)
            case "vm":
                return catalogue.CreateVm(
                    self.hostname,
                    self.os_id,
                    self.shares,
                    self.cpu,
                    self.login,
                    self.ssh_keys,
                    self.user_data_bytes,
                )
            case "disk":
                return catalogue.CreateDisk(self.disk_size_mb, self.disk_name, self.disk_fstype)
        raise ValueError(step)

    def keeping(self, before: "NewServer", done: Collection[str]) -> "NewServer":
        kept = {name: getattr(before, name) for step in done for name in _INPUTS.get(step, {})}
        return replace(self, **kept)

    def kept_secret(self, given: str, kept: str) -> str:
        first_boot = FirstBoot.unpacked(given)
        return first_boot.over(FirstBoot.unpacked(kept), keep_user_data=self.user_data_bytes > 0).packed()

    def validate(self, account: Account, secret: str, done: Collection[str] = ()) -> None:
        for step, inputs in _INPUTS.items():
            if step in done or self.skips(step):
                continue
            try:
                self._making(step).validate(secret if step == "vm" else "")
            except Invalid as error:
                names = {theirs: ours for ours, theirs in inputs.items()}
                raise Invalid(error.words, names=error.names, field=names.get(error.field or "", error.field)) from None
        if "vm" not in done and not OsImage.objects.filter(account=account, remote_id=self.os_id).exists():
            raise Invalid(_("This operating system is no longer available. Choose another one."), field="os_id")
        capacity = overview(account)
        if capacity is None:
            raise WrongState(_("This account hasn't been imported yet. Try again in a moment."))
        bought = 0 if "buy" in done else self.buy_shares
        missing = missing_shares(self, capacity, system_disk_mb(self, account), done) - bought
        if missing > 0:
            raise NotEnough(
                ngettext(
                    "%d more share is needed for the server or for its disk space.",
                    "%d more shares are needed for the server or for its disk space.",
                    missing,
                )
                % missing,
                field="buy_shares",
            )

    def preview(self, account: Account, done: Collection[str] = ()) -> list[Step]:
        capacity = overview(account)
        bought = 0 if "buy" in done else self.buy_shares
        free = None if capacity is None else max(0, int(capacity.free.shares)) + bought
        of_step: dict[str, dict[str, Any]] = {
            "buy": {"shares": self.buy_shares, "duration": self.duration},
            "verify": {"shares": self.shares, "free_shares": free},
            "vm": {"shares": self.shares, "disk_mb": system_disk_mb(self, account)},
            "disk": {"disk_mb": self.disk_size_mb},
            "attach": {},
        }
        return [Step(name, number, **of_step[name]) for number, name in enumerate(self.steps, start=1)]


def system_disk_mb(spec: NewServer, account: Account) -> int:
    """The size of the operating system's disk in MB; 0 when the image is unknown."""
    image = OsImage.objects.filter(account=account, remote_id=spec.os_id).first()
    return image.min_disk_mb if image else 0


def missing_shares(spec: NewServer, capacity: Capacity, system_mb: int, done: Collection[str] = ()) -> int:
    """How many shares must be bought for the steps that are not done, for the server or for the disks."""
    shares = 0 if "vm" in done else spec.shares
    disk_mb = (0 if "vm" in done else system_mb) + (0 if "disk" in done else spec.disk_size_mb)
    return capacity.missing_shares(shares, disk_mb)
