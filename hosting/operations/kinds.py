"""What a member can ask for: one frozen dataclass for each API method that changes something.

A kind is data. Its fields are the method's parameters without secrets (a secret travels apart, sealed), stored as JSON.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.api import Client, OperationDetails
from hosting.inventory.reading import NO_FACT, Fact
from hosting.operations import rules
from hosting.operations.rejection import Invalid
from hosting.teams.roles import Permission


class Answer(Enum):
    """What the API's method returns: an operation id, or the id of the object whose operation is then looked up."""

    OPERATION = auto()
    VM = auto()
    DISK = auto()


@dataclass(frozen=True)
class Kind:
    """Base of all kinds."""

    # The API's method, which is also the name of the kind.
    method: ClassVar[str]
    title: ClassVar[Promise]
    permission: ClassVar[Permission]
    answer: ClassVar[Answer] = Answer.OPERATION
    # What of the account as a whole may be different once it is done.
    changes: ClassVar[Fact] = Fact.CAPACITY
    secret_rules: ClassVar[Mapping[str, Callable[[str], None]]] = {}
    rules: ClassVar[Mapping[str, Callable[..., None]]] = {}

    @property
    def target(self) -> str:
        """The object it changes, such as "vm:12": one unfinished operation at a time. Empty when it makes a new one."""
        return ""

    def as_params(self) -> dict[str, object]:
        """The fields, for the database."""
        return asdict(self)

    def wire_params(self) -> dict[str, object]:
        """The fields by the names that the API's `operation_details` gives them."""
        return asdict(self)

    def validate(self, secret: str = "") -> None:
        """Check the values against the API's rules.

        Raises:
            Invalid: with the field that is wrong and what to correct.
        """
        for field, rule in self.rules.items():
            value = getattr(self, field)
            if value is not None:
                _check(rule, value, field)
        for field, rule in self.secret_rules.items():
            _check(rule, secret, field)

    def send(self, client: Client, secret: str) -> int:
        """Make the one call, and return what the method returns (see `answer`).

        Raises:
            hosting.api.ApiError: see there.
        """
        raise NotImplementedError

    def fits(self, details: OperationDetails) -> bool:
        """Whether a provider's operation can be this one: same type, and no parameter that says otherwise."""
        if details.type != self.method:
            return False
        theirs = {
            **{key: value for key, value in details.params.items() if value not in ("", None)},
            **{
                key: value for key in ("vm_id", "disk_id", "product_id") if (value := getattr(details, key)) is not None
            },
        }
        ours = {key: value for key, value in self.wire_params().items() if value is not None}
        return all(str(theirs[key]) == str(value) for key, value in ours.items() if key in theirs)


def _check(rule: Callable[..., None], value: object, field: str) -> None:
    try:
        rule(value)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from None


@dataclass(frozen=True)
class AddProduct(Kind):
    method = "hosting_account_product_add"
    title = _("Add product")
    permission = Permission.SPEND
    changes = Fact.CAPACITY | Fact.BALANCE
    rules = {"quantity": rules.quantity, "duration": rules.duration}

    product_name: str
    quantity: int
    duration: str

    def send(self, client: Client, secret: str) -> int:
        return client.hosting_account_product_add(self.product_name, self.quantity, self.duration)


@dataclass(frozen=True)
class _OnProduct(Kind):
    permission = Permission.SPEND
    changes = Fact.CAPACITY | Fact.BALANCE

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
    """The root password is the secret: it is sent and then forgotten."""

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

    def validate(self, secret: str = "") -> None:
        super().validate(secret)
        if self.cpu > self.shares:
            raise Invalid(_("A server has at most one CPU for each share."), field="cpu")

    def send(self, client: Client, secret: str) -> int:
        return client.vm_create(self.hostname, secret, self.os_id, self.shares, self.cpu, login=self.login)


@dataclass(frozen=True)
class _OnVm(Kind):
    permission = Permission.OPERATE

    vm_id: int

    @property
    def target(self) -> str:
        return f"vm:{self.vm_id}"


@dataclass(frozen=True)
class UpdateVm(_OnVm):
    """A value that is None stays as it is."""

    method = "vm_update"
    title = _("Resize server")
    rules = {"shares": rules.shares, "cpu": rules.cpu, "vm_max_memory_mb": rules.quantity}

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
            raise Invalid(_("Nothing changes: choose another number of shares, CPUs, or another memory limit."))

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
    changes = NO_FACT

    def send(self, client: Client, secret: str) -> int:
        return client.vm_start(self.vm_id)


@dataclass(frozen=True)
class StopVm(_OnVm):
    method = "vm_stop"
    title = _("Stop server")
    changes = NO_FACT

    def send(self, client: Client, secret: str) -> int:
        return client.vm_stop(self.vm_id)


@dataclass(frozen=True)
class RebootVm(_OnVm):
    method = "vm_reboot"
    title = _("Reboot server")
    changes = NO_FACT

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
    changes = NO_FACT

    vm_id: int

    def send(self, client: Client, secret: str) -> int:
        return client.disk_attach(self.disk_id, self.vm_id)


@dataclass(frozen=True)
class DetachDisk(_OnDisk):
    method = "disk_detach"
    title = _("Detach disk")
    changes = NO_FACT

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
    )
}


def load(method: str, params: Mapping[str, Any]) -> Kind:
    """The kind that an operation's row holds."""
    return KINDS[method](**params)


def title(method: str) -> str:
    """What an operation of this method does, in words; a method that Sharedeck does not know is shown as it is."""
    return str(KINDS[method].title) if method in KINDS else method


def changes(method: str) -> Fact:
    """What of the account as a whole an operation of this method may change; of one that Sharedeck does not know, all
    that moves.
    """
    return KINDS[method].changes if method in KINDS else Fact.CAPACITY | Fact.BALANCE
