"""The capacity planner: how many servers of a size still fit, and what would have to be bought. Pure."""

from dataclasses import asdict, dataclass
from math import ceil

from hosting.inventory.capacity import Amounts, Capacity
from hosting.operations.kinds.rules import MAX_CPU

# What can run out. When several run out at once, the first in this order is named.
RESOURCES = ("shares", "disk_mb", "memory_mb", "cores", "servers")
# Tolerance for floating-point sums of parts of a core.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Size:
    """The size of a server: its shares, and its disks in MB."""

    shares: int
    disk_mb: int

    def takes(self, share: Amounts) -> Amounts:
        """What one server of this size uses, when one share provides `share`."""
        return Amounts(
            shares=self.shares,
            servers=1,
            memory_mb=share.memory_mb * self.shares,
            cores=share.cores * self.shares,
            disk_mb=self.disk_mb,
        )


@dataclass(frozen=True)
class Largest:
    """The largest server that still fits."""

    shares: int
    cpu: int
    memory_mb: int
    disk_mb: int


@dataclass(frozen=True)
class Answer:
    """How many servers of a size fit, and the resource that runs out first. `short` servers do not fit; for them
    `missing_shares` would have to be bought.
    """

    fitting: int
    bottleneck: str
    short: int
    missing_shares: int


def fit(capacity: Capacity, size: Size, count: int) -> Answer:
    """How many of `count` servers of a size fit into the free capacity."""
    share, takes, free = asdict(capacity.share), asdict(size.takes(capacity.share)), asdict(capacity.free)
    needed = [name for name in RESOURCES if takes[name] > 0]
    rooms = {name: _times(free[name], takes[name]) for name in needed}
    bottleneck = min(needed, key=lambda name: rooms[name])
    lacking = {name: max(0.0, takes[name] * count - free[name]) for name in needed}
    missing = max(ceil(lacking[name] / share[name] - _ROUNDING) for name in needed if share[name])
    return Answer(rooms[bottleneck], bottleneck, max(0, count - rooms[bottleneck]), missing)


def largest(capacity: Capacity, system_mb: int) -> Largest | None:
    """The largest server that fits with a system disk of `system_mb` MB; None when none fits."""
    share, free = capacity.share, capacity.free
    if free.servers < 1 or free.disk_mb < system_mb:
        return None
    shares = min(
        _times(free.shares, 1),
        *(_times(left, each) for left, each in ((free.memory_mb, share.memory_mb), (free.cores, share.cores)) if each),
    )
    if shares < 1:
        return None
    return Largest(shares, min(MAX_CPU, shares), int(share.memory_mb * shares), system_mb)


def _times(free: float, each: float) -> int:
    return max(0, int(free / each + _ROUNDING))
