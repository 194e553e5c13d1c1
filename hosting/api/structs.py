"""The API's structs as frozen dataclasses: parsed once, at the edge, with units in the names.

Every class has `to_wire`, and `from_wire`, which raises `Garbled` when a needed key is missing or a value has
another type than the contract says. A key that the contract does not name is kept in `extra`.
"""

# ruff: noqa: RUF009 (each `wire(…)` is a `dataclasses.field`)

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Self

from hosting.api.errors import Garbled
from hosting.api.fields import (
    AMOUNT,
    COUNT,
    COUNTS,
    DATE,
    DATE_CEIL,
    FLAG,
    ID,
    INT,
    NAME,
    NUMBER,
    PARAMS,
    SECONDS,
    TEXT,
    TEXTS,
    TIME,
    WORD,
    Struct,
    many,
    one,
    wire,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareDefinition(Struct):
    """What one share is: 256 MB of memory, a quarter of a core, and so on (contract, "Account")."""

    servers: int = wire(COUNT)
    memory_mb: int = wire(COUNT, "memory")
    cores: float = wire(NUMBER)
    disk_mb: int = wire(COUNT, "disk")
    bandwidth_kbps: float = wire(NUMBER, "bandwidth", missing=0.0)
    slots: float = wire(NUMBER, missing=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Product(Struct):
    """Something bought for a time: shares, fixed shares or disk quota.

    `quantity` counts shares, or MB for `disk`. `duration` is as bought, such as `1m`. An `errors_for_…` tuple
    is empty when that can be done.
    """

    id: int = wire(COUNT)
    product_name: str = wire(NAME)
    quantity: int = wire(COUNT)
    duration: str = wire(NAME, missing="")
    date_created: datetime | None = wire(DATE, missing=None)
    date_end: datetime | None = wire(DATE, missing=None)
    autorenew: bool = wire(FLAG, missing=False)
    can_release: bool = wire(FLAG, missing=False)
    is_in_redemption: bool = wire(FLAG, missing=False)
    redemption_days: int = wire(COUNT, "redemption", missing=0)
    errors_for_updating: tuple[str, ...] = wire(TEXTS, missing=())
    errors_for_renewing: tuple[str, ...] = wire(TEXTS, missing=())
    errors_for_removing: tuple[str, ...] = wire(TEXTS, missing=())
    errors_for_releasing: tuple[str, ...] = wire(TEXTS, missing=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources(Struct):
    """Amounts of everything an account can have; zero where the server names none."""

    shares: int = wire(INT, missing=0)
    servers: int = wire(INT, missing=0)
    memory_mb: int = wire(INT, "memory", missing=0)
    cores: float = wire(NUMBER, missing=0.0)
    disk_mb: int = wire(INT, "disk", missing=0)
    bandwidth_kbps: float = wire(NUMBER, "bandwidth", missing=0.0)
    ips: int = wire(INT, missing=0)
    slots: float = wire(NUMBER, missing=0.0)


_RESOURCES = ("granted", "used", "available", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostingAccount(Struct):
    """A handle's hosting account: products, and resources granted, used, available and expired."""

    id: int = wire(COUNT)
    handle: str = wire(TEXT)
    fullname: str = wire(TEXT, missing="")
    share_definition: ShareDefinition = wire(one(ShareDefinition))
    products: tuple[Product, ...] = wire(many(Product), missing=())
    granted: Resources = wire(one(Resources))
    used: Resources = wire(one(Resources))
    available: Resources = wire(one(Resources))
    expired: Resources = wire(one(Resources), missing=Resources())

    @classmethod
    def from_wire(cls, value: object) -> Self:
        """From `hosting_account_info`, whose `resources` struct holds the last four. Raises `Garbled`."""
        if not isinstance(value, Mapping) or not isinstance(value.get("resources"), Mapping):
            raise Garbled("The reply's HostingAccount has no struct of resources.")
        flat = {**value, **{name: value["resources"].get(name) for name in _RESOURCES}}
        del flat["resources"]
        return super(HostingAccount, cls).from_wire(flat)

    def to_wire(self) -> dict[str, object]:
        """As `hosting_account_info` returns it."""
        flat = super(HostingAccount, self).to_wire()
        return {**flat, "resources": {name: flat.pop(name) for name in _RESOURCES}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ip(Struct):
    """An address of a VM; `version` is 4 or 6, `reverse` its name in the DNS."""

    id: int = wire(COUNT)
    ip: str = wire(TEXT)
    version: int = wire(COUNT, missing=4)
    reverse: str = wire(TEXT, missing="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Iface(Struct):
    """A network interface of a VM."""

    id: int = wire(COUNT)
    type: str = wire(TEXT, missing="")
    bandwidth_kbps: float = wire(NUMBER, "bandwidth", missing=0.0)
    ips: tuple[Ip, ...] = wire(many(Ip), missing=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk(Struct):
    """A disk. `type` is `data` or `system`; `vms_id` holds the VM it is attached to, at most one."""

    id: int = wire(COUNT)
    name: str = wire(TEXT)
    label: str = wire(TEXT, missing="")
    size_mb: int = wire(COUNT, "size")
    fstype: str = wire(NAME, missing="")
    type: str = wire(NAME, missing="data")
    state: str = wire(NAME)
    is_boot_disk: bool = wire(FLAG, missing=False)
    vms_id: tuple[int, ...] = wire(COUNTS, missing=())
    can_snapshot: bool = wire(FLAG, missing=False)
    date_created: datetime | None = wire(DATE, missing=None)
    date_updated: datetime | None = wire(DATE, missing=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vm(Struct):
    """A VM. `vm_max_memory_mb` is what it can grow to without a reboot; `console` is kept as text.

    `shares_ended` is beside version 1: when the shares ended for which the provider paused it.
    """

    id: int = wire(COUNT)
    hostname: str = wire(TEXT)
    state: str = wire(NAME)
    description: str = wire(TEXT, missing="")
    os_id: int | None = wire(ID, missing=None)
    os_label: str = wire(TEXT, missing="")
    shares: int = wire(COUNT)
    flex_shares: int = wire(COUNT, missing=0)
    cores: int = wire(COUNT)
    memory_mb: int = wire(COUNT, "memory")
    vm_max_memory_mb: int = wire(COUNT, "vm_max_memory", missing=0)
    console: str = wire(WORD, missing="")
    disks_id: tuple[int, ...] = wire(COUNTS, missing=())
    disks: tuple[Disk, ...] = wire(many(Disk), missing=())
    ifaces: tuple[Iface, ...] = wire(many(Iface), missing=())
    date_created: datetime | None = wire(DATE, missing=None)
    date_updated: datetime | None = wire(DATE, missing=None)
    shares_ended: datetime | None = wire(DATE, missing=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskLink(Struct):
    """How a disk is attached to a VM: `position` counts from 0, the system disk."""

    vm_id: int = wire(COUNT)
    disk_id: int = wire(COUNT)
    position: int = wire(COUNT)
    device: str = wire(TEXT, missing="")
    is_boot_disk: bool = wire(FLAG, missing=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationDetails(Struct):
    """An operation: `type` is the method's name, `source` a handle, `eta_s` the seconds left.

    Ids are None where the operation has no such object. `params` never holds a password (contract,
    "Operations").
    """

    id: int = wire(COUNT)
    type: str = wire(NAME)
    state: str = wire(NAME)
    step: str = wire(NAME, missing="")
    source: str = wire(TEXT, missing="")
    vm_id: int | None = wire(ID, missing=None)
    disk_id: int | None = wire(ID, missing=None)
    product_id: int | None = wire(ID, missing=None)
    params: Mapping[str, object] = wire(PARAMS, missing={})
    eta_s: int | None = wire(SECONDS, "eta", missing=None)
    last_error: str = wire(TEXT, missing="")
    date_created: datetime | None = wire(DATE, missing=None)
    date_start: datetime | None = wire(DATE, missing=None)
    date_updated: datetime | None = wire(DATE, missing=None)

    @property
    def objects(self) -> dict[str, int]:
        """The objects it is about, by `vm_id`, `disk_id` and `product_id`."""
        ids = {"vm_id": self.vm_id, "disk_id": self.disk_id, "product_id": self.product_id}
        return {name: value for name, value in ids.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class OsImage(Struct):
    """A system a VM can be made with. `arch` is `x86-32` or `x86-64`."""

    os_id: int = wire(COUNT)
    label: str = wire(TEXT)
    arch: str = wire(NAME, missing="")
    family: str = wire(TEXT, missing="")
    kernel_version: str = wire(TEXT, missing="")
    min_disk_mb: int = wire(COUNT, "min_disk", missing=0)
    visibility: str = wire(WORD, missing="")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationFilter(Struct):
    """The filter of `operation_list`; attributes that are None do not filter.

    Times are aware and inclusive. The wire knows whole seconds: an "after" is rounded down and a "before" up,
    so that nothing is missed. `param` matches the operation's own parameters: vm_id, disk_id, product_id,
    hostname, name.
    """

    type: str | None = wire(NAME, missing=None)
    state: str | None = wire(NAME, missing=None)
    created_after: datetime | None = wire(DATE, missing=None)
    created_before: datetime | None = wire(DATE_CEIL, missing=None)
    updated_after: datetime | None = wire(DATE, missing=None)
    updated_before: datetime | None = wire(DATE_CEIL, missing=None)
    param: Mapping[str, object] | None = wire(PARAMS, missing=None)

    def to_wire(self) -> dict[str, object]:
        """Only the attributes that filter."""
        asked = super(OperationFilter, self).to_wire()
        return {name: value for name, value in asked.items() if value is not None and value != ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedObject(Struct):
    """An object that has changed. `type` is `vm`, `disk`, `product`, `operation` or `account`."""

    type: str = wire(NAME)
    id: int = wire(COUNT)
    deleted: bool = wire(FLAG, missing=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Struct):
    """What has changed since a cursor, each object once. With `more`, ask again with the new cursor at once."""

    cursor: str = wire(TEXT)
    more: bool = wire(FLAG, missing=False)
    changes: tuple[ChangedObject, ...] = wire(many(ChangedObject), missing=())


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductPrice(Struct):
    """What one unit of a product costs a month. `unit` names the unit, such as a share or a MB."""

    product_name: str = wire(NAME)
    unit: str = wire(TEXT, missing="")
    unit_price_month: float = wire(NUMBER)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList(Struct):
    """The provider's prices."""

    currency: str = wire(TEXT)
    products: tuple[ProductPrice, ...] = wire(many(ProductPrice), missing=())

    @property
    def units(self) -> dict[str, Decimal]:
        """The price of one unit a month, by the product's name."""
        return {each.product_name: Decimal(str(each.unit_price_month)) for each in self.products}


@dataclass(frozen=True, slots=True, kw_only=True)
class VmStats(Struct):
    """What a VM has used on average in a step that began at `at`. `cpu_percent` is of one core; the last four are
    bytes a second, on the network as the VM sees it.
    """

    at: datetime = wire(TIME)
    cpu_percent: float = wire(AMOUNT)
    memory_mb: float = wire(AMOUNT)
    disk_read_bps: float = wire(AMOUNT, "disk_read")
    disk_written_bps: float = wire(AMOUNT, "disk_written")
    net_in_bps: float = wire(AMOUNT, "net_in")
    net_out_bps: float = wire(AMOUNT, "net_out")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleTicket(Struct):
    """Where a VM's console is reached, by WebSocket, once and until `expires` (UTC). `url` is a secret."""

    url: str = wire(TEXT)
    expires: datetime | None = wire(DATE, missing=None)

    def __repr__(self) -> str:
        return "ConsoleTicket(…)"
