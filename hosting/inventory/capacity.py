"""Share arithmetic. Pure: amounts in, amounts out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True)
class Amounts:
    """An amount of each resource that shares are made of. Memory and disk in MB, bandwidth in kbit/s."""

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
        """Read what `as_json` wrote; a resource that is missing counts as none."""
        return cls(**{field.name: stored.get(field.name, 0) for field in fields(cls)})

    def as_json(self) -> dict[str, float]:
        return asdict(self)

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    def __sub__(self, other: "Amounts") -> "Amounts":
        return Amounts(**{name: value - getattr(other, name) for name, value in asdict(self).items()})

    def times(self, count: int) -> "Amounts":
        """What `count` shares are worth, when this is what one is worth."""
        return Amounts(**{name: value * count for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Capacity:
    """What an account has, what is taken, and what can still be asked for."""

    share: Amounts
    granted: Amounts
    used: Amounts
    # Asked for through Sharedeck and not yet in `used`.
    reserved: Amounts
    expired: Amounts
    available: Amounts

    @property
    def free(self) -> Amounts:
        """What the provider calls available, less what is on its way."""
        return self.available - self.reserved

    def missing_shares(self, shares: int, disk_mb: int) -> int:
        """How many shares to buy so that `shares` and `disk_mb` MB of disk fit. Each share brings disk with it."""
        short_of_shares = max(0, shares - int(self.free.shares))
        short_of_disk_mb = max(0.0, disk_mb - self.free.disk_mb)
        if not short_of_disk_mb or not self.share.disk_mb:
            return short_of_shares
        return max(short_of_shares, int(-(-short_of_disk_mb // self.share.disk_mb)))
