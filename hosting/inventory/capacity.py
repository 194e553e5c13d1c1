"""Share arithmetic. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True)
class Amounts:
    """Amounts of the resources that shares consist of. Memory and disk in MB, bandwidth in kbit/s."""

    shares: float = 0
    servers: float = 0
    memory_mb: float = 0
    cores: float = 0
    disk_mb: float = 0
    bandwidth_kbps: float = 0
    ips: float = 0
    slots: float = 0

    @classmethod
    def from_json(cls, stored: Mapping[str, float]) -> Self:
        """Read what `as_json` wrote; a missing resource counts as 0."""
        return cls(**{field.name: stored.get(field.name, 0) for field in fields(cls)})

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def __sub__(self, other: "Amounts") -> "Amounts":
        return Amounts(**{name: value - getattr(other, name) for name, value in asdict(self).items()})

    def times(self, count: int) -> "Amounts":
        """The amounts of `count` shares, when these are the amounts of one."""
        return Amounts(**{name: value * count for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Capacity:
    """What an account has, what is used, and what is free."""

    share: Amounts
    granted: Amounts
    used: Amounts
    # Requested through Sharedeck and not yet in `used`.
    reserved: Amounts
    expired: Amounts
    available: Amounts

    @property
    def free(self) -> Amounts:
        """What the provider calls available, less pending operations."""
        return self.available - self.reserved

    def missing_shares(self, shares: int, disk_mb: int) -> int:
        """How many shares to buy so that `shares` and `disk_mb` MB of disk fit. Each share includes some disk quota."""
        short_of_shares = max(0, shares - int(self.free.shares))
        short_of_disk_mb = max(0.0, disk_mb - self.free.disk_mb)
        if not short_of_disk_mb or not self.share.disk_mb:
            return short_of_shares
        return max(short_of_shares, int(-(-short_of_disk_mb // self.share.disk_mb)))
