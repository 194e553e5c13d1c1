"""All kinds of operation, such as `StopVm` or `AddProduct`: one dataclass for each API method that makes a change."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _

from hosting.api import Client
from hosting.inventory.reading import NO_ACCOUNT_DATA, AccountData
from hosting.operations.kinds import rules
from hosting.operations.kinds.base import Answer, Kind, check
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.models.rejection import Invalid
from hosting.teams.roles import Permission

# What a `CreateVm` says of its secret, which is no parameter of the API's operation.
_OF_FIRST_BOOT = ("ssh_keys", "user_data_bytes")


@dataclass(frozen=True)
class AddProduct(Kind):
    method = "hosting_account_product_add"
    title = _("Add product")
    permission = Permission.SPEND
    changes = AccountData.CAPACITY | AccountData.BALANCE
    rules = {"product_name": rules.product_name, "duration": rules.duration}

    product_name: str
    quantity: int
    duration: str

    def validate(self, secret: str = "") -> None:
        super().validate(secret)
        check(rules.quantity_of(self.product_name), self.quantity, "quantity")

    def send(self, client: Client, secret: str) -> int:
        return client.hosting_account_product_add(self.product_name, self.quantity, self.duration)


@dataclass(frozen=True)
class _OnProduct(Kind):
    permission = Permission.SPEND
    changes = AccountData.CAPACITY | AccountData.BALANCE

    product_id: int

    @property
    def target(self) -> str:
        return f"product:{self.product_id}"


@dataclass(frozen=True)
class RenewProduct(_OnProduct):
    method = "hosting_account_product_renew"
    title = _("Renew product")
    rules = {"duration": rules.duration}

    duration: str

    def send(self, client: Client, secret: str) -> int:
        return client.hosting_account_product_renew(self.product_id, self.duration)


@dataclass(frozen=True)
class UpdateProduct(_OnProduct):
    method = "hosting_account_product_update"
    title = _("Change quantity")
    rules = {"quantity": rules.quantity}

    quantity: int

    def send(self, client: Client, secret: str) -> int:
        return client.hosting_account_product_update(self.product_id, self.quantity)


@dataclass(frozen=True)
class RemoveProduct(_OnProduct):
    method = "hosting_account_product_remove"
    title = _("Release product")

    def send(self, client: Client, secret: str) -> int:
        return client.hosting_account_product_remove(self.product_id)


@dataclass(frozen=True)
class CreateVm(Kind):
    """The secret is a `FirstBoot`: it is erased when the call is made, or answered where it carries a key.

    What is stored of it for people to read: the SSH keys' names by their fingerprints, and the size of the script.
    """

    method = "vm_create"
    title = _("Create server")
    permission = Permission.OPERATE
    answer = Answer.VM
    secret_rules = {"password": rules.password}
    rules = {
        "hostname": rules.hostname,
        "os_id": rules.identifier,
        "shares": rules.shares,
        "cpu": rules.cpu,
        "login": rules.login,
    }

    hostname: str
    os_id: int
    shares: int
    cpu: int
    login: str
    ssh_keys: Mapping[str, str] = field(default_factory=dict)
    user_data_bytes: int = 0

    def as_params(self) -> dict[str, object]:
        params = asdict(self)
        return {name: value for name, value in params.items() if value or name not in _OF_FIRST_BOOT}

    def wire_params(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name not in _OF_FIRST_BOOT}

    def validate(self, secret: str = "") -> None:
        first_boot = FirstBoot.unpacked(secret)
        super().validate(first_boot.password)
        if self.cpu > self.shares:
            raise Invalid(_("A server can have at most one CPU per share."), field="cpu")
        if first_boot.fingerprints != set(self.ssh_keys):
            raise Invalid(_("Select the SSH keys again."), field="ssh_keys")
        if first_boot.user_data_bytes != self.user_data_bytes:
            raise Invalid(_("Enter the first-boot script again. It is not stored after sending."), field="user_data")
        if first_boot.user_data:
            check(rules.user_data, first_boot.user_data, "user_data")

    def send(self, client: Client, secret: str) -> int:
        given = FirstBoot.unpacked(secret)
        return client.vm_create(
            self.hostname,
            given.password,
            self.os_id,
            self.shares,
            self.cpu,
            login=self.login,
            ssh_keys=given.ssh_keys,
            user_data=given.user_data,
        )


@dataclass(frozen=True)
class _OnVm(Kind):
    permission = Permission.OPERATE

    vm_id: int

    @property
    def target(self) -> str:
        return f"vm:{self.vm_id}"


@dataclass(frozen=True)
class UpdateVm(_OnVm):
    """None leaves a value as it is."""

    method = "vm_update"
    title = _("Resize server")
    rules = {"shares": rules.shares, "cpu": rules.cpu, "vm_max_memory_mb": rules.vm_max_memory_mb}

    shares: int | None = None
    cpu: int | None = None
    vm_max_memory_mb: int | None = None

    def wire_params(self) -> dict[str, object]:
        return {
            "vm_id": self.vm_id,
            "shares": self.shares,
            "cpu": self.cpu,
            "vm_max_memory": self.vm_max_memory_mb,
        }

    def validate(self, secret: str = "") -> None:
        super().validate(secret)
        if self.shares is None and self.cpu is None and self.vm_max_memory_mb is None:
            raise Invalid(
                _("Nothing changed. Choose a different number of shares or CPUs, or a different memory limit.")
            )

    def send(self, client: Client, secret: str) -> int:
        return client.vm_update(self.vm_id, shares=self.shares, cpu=self.cpu, vm_max_memory_mb=self.vm_max_memory_mb)


@dataclass(frozen=True)
class DeleteVm(_OnVm):
    method = "vm_delete"
    title = _("Delete server")
    permission = Permission.DELETE

    def send(self, client: Client, secret: str) -> int:
        return client.vm_delete(self.vm_id)


@dataclass(frozen=True)
class StartVm(_OnVm):
    method = "vm_start"
    title = _("Start server")
    changes = NO_ACCOUNT_DATA

    def send(self, client: Client, secret: str) -> int:
        return client.vm_start(self.vm_id)


@dataclass(frozen=True)
class StopVm(_OnVm):
    method = "vm_stop"
    title = _("Stop server")
    changes = NO_ACCOUNT_DATA

    def send(self, client: Client, secret: str) -> int:
        return client.vm_stop(self.vm_id)


@dataclass(frozen=True)
class RebootVm(_OnVm):
    method = "vm_reboot"
    title = _("Reboot server")
    changes = NO_ACCOUNT_DATA

    def send(self, client: Client, secret: str) -> int:
        return client.vm_reboot(self.vm_id)


@dataclass(frozen=True)
class CreateDisk(Kind):
    method = "disk_create"
    title = _("Create disk")
    permission = Permission.OPERATE
    answer = Answer.DISK
    rules = {"size_mb": rules.disk_size_mb, "name": rules.name, "fstype": rules.fstype}

    size_mb: int
    name: str
    fstype: str

    def wire_params(self) -> dict[str, object]:
        return {"size": self.size_mb, "name": self.name, "fstype": self.fstype}

    def send(self, client: Client, secret: str) -> int:
        return client.disk_create(size_mb=self.size_mb, name=self.name, fstype=self.fstype)


@dataclass(frozen=True)
class _OnDisk(Kind):
    permission = Permission.OPERATE

    disk_id: int

    @property
    def target(self) -> str:
        return f"disk:{self.disk_id}"


@dataclass(frozen=True)
class DeleteDisk(_OnDisk):
    method = "disk_delete"
    title = _("Delete disk")
    permission = Permission.DELETE

    def send(self, client: Client, secret: str) -> int:
        return client.disk_delete(self.disk_id)


@dataclass(frozen=True)
class AttachDisk(_OnDisk):
    method = "disk_attach"
    title = _("Attach disk")
    changes = NO_ACCOUNT_DATA

    vm_id: int

    def send(self, client: Client, secret: str) -> int:
        return client.disk_attach(self.disk_id, self.vm_id)


@dataclass(frozen=True)
class DetachDisk(_OnDisk):
    method = "disk_detach"
    title = _("Detach disk")
    changes = NO_ACCOUNT_DATA

    vm_id: int

    def send(self, client: Client, secret: str) -> int:
        return client.disk_detach(self.disk_id, self.vm_id)


KINDS: dict[str, type[Kind]] = {
    kind.method: kind
    for kind in (
        AddProduct,
        RenewProduct,
        UpdateProduct,
        RemoveProduct,
        CreateVm,
        UpdateVm,
        DeleteVm,
        StartVm,
        StopVm,
        RebootVm,
        CreateDisk,
        DeleteDisk,
        AttachDisk,
        DetachDisk,
        RenameVm,
        ReinstallVm,
        NameAddress,
    )
}


def load(method: str, params: Mapping[str, Any]) -> Kind:
    """The kind that is stored in an operation."""
    return KINDS[method](**params)


def title(method: str) -> str:
    """The title of an API method, such as "Stop server"; an unknown method is returned as it is."""
    return str(KINDS[method].title) if method in KINDS else method


def changes(method: str) -> AccountData:
    """Which data of the account an operation of this method may change; for an unknown method, all that can."""
    return KINDS[method].changes if method in KINDS else AccountData.CAPACITY | AccountData.BALANCE
