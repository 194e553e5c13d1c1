"""Share arithmetic: what products grant, what VMs and disks use, what is left.

Capacity is counted from acceptance on: an operation that is not done yet counts with the larger of before and
after, and capacity that is being removed is no longer granted. So calls accepted at the same time can
never promise the same share twice.
"""

from dataclasses import dataclass
from datetime import datetime

from hosting.provider.rules import values


@dataclass(frozen=True)
class Capacity:
    """Shares, disk in MB, and for what is in use the number of servers."""

    shares: int = 0
    disk_mb: int = 0
    servers: int = 0

    def __sub__(self, other: "Capacity") -> "Capacity":
        return Capacity(self.shares - other.shares, self.disk_mb - other.disk_mb, self.servers - other.servers)


@dataclass(frozen=True)
class Bought:
    """One product as far as capacity goes. `quantity` is the least that its open operations may leave."""

    product_name: str
    quantity: int
    date_end: datetime


def capacity_of(products: list[Bought]) -> Capacity:
    """The capacity that `products` add up to: each share brings its own disk quota and one server."""
    shares = sum(product.quantity for product in products if product.product_name != "disk")
    disk = sum(product.quantity for product in products if product.product_name == "disk")
    return Capacity(shares, disk + shares * values.SHARE_DISK_MB, shares * values.SHARE_SERVERS)


def split_expired(products: list[Bought], now: datetime) -> tuple[list[Bought], list[Bought]]:
    """Those in force, and those in redemption. What is past its redemption is in neither."""
    live = [product for product in products if product.date_end > now]
    redeemable = [product for product in products if product.date_end <= now < product.date_end + values.REDEMPTION]
    return live, redeemable


def max_memory_mb(shares: int) -> int:
    """What a new VM can grow to without being halted, in MB."""
    return max(values.VM_MAX_MEMORY_DEFAULT_MB, 2 * shares * values.SHARE_MEMORY_MB)


def resources(capacity: Capacity) -> dict[str, int | float]:
    """One of the four structs in `resources` of `hosting_account_info`."""
    return {
        "shares": capacity.shares,
        "servers": capacity.servers,
        "memory": capacity.shares * values.SHARE_MEMORY_MB,
        "cores": capacity.shares * values.SHARE_CORES,
        "disk": capacity.disk_mb,
        "bandwidth": capacity.shares * values.SHARE_BANDWIDTH_KBIT,
        "ips": capacity.servers * values.SHARE_IPS,
        "slots": round(capacity.shares * values.SHARE_SLOTS, 3),
    }


SHARE_DEFINITION: dict[str, int | float] = {
    "servers": values.SHARE_SERVERS,
    "memory": values.SHARE_MEMORY_MB,
    "cores": values.SHARE_CORES,
    "disk": values.SHARE_DISK_MB,
    "bandwidth": values.SHARE_BANDWIDTH_KBIT,
    "slots": values.SHARE_SLOTS,
}
