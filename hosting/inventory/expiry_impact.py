"""The impact of ending products: how much capacity is left, and which servers the provider will pause then. Pure.

Of the servers that run, the newest are paused first, as many as needed until the others fit. Source: the provider's API
("When shares end" in docs/provider-api.md), which counts shares. Memory is counted as well, for providers that give a
server more of it than its shares are worth.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import ceil

from hosting.inventory.capacity import Amounts
from hosting.inventory.periods import add_months


@dataclass(frozen=True)
class Holding:
    """A product, as far as capacity needs it: `quantity` counts shares, or MB of disk quota.

    `ends` is when it stops counting, None when unknown; `granted` says whether it counts now.
    """

    is_disk: bool
    quantity: int
    ends: datetime | None
    granted: bool = True

    def worth(self, share: Amounts) -> Amounts:
        """The capacity it provides, when one share provides `share`."""
        return Amounts(disk_mb=self.quantity) if self.is_disk else share.times(self.quantity)


@dataclass(frozen=True)
class Server:
    """A server, as far as capacity needs it."""

    remote_id: int
    hostname: str
    shares: int
    memory_mb: int


@dataclass(frozen=True)
class Impact:
    """The capacity left at some moment, compared with today's use."""

    pool: Amounts
    used: Amounts

    @property
    def missing(self) -> Amounts:
        """How much more is used than will be left; 0 for resources that suffice."""
        short = self.used - self.pool
        return Amounts(shares=max(0, short.shares), memory_mb=max(0, short.memory_mb), disk_mb=max(0, short.disk_mb))

    @property
    def missing_shares(self) -> int:
        """The missing shares, rounded up."""
        return ceil(self.missing.shares)

    @property
    def fits(self) -> bool:
        return self.missing == Amounts()


class Pool:
    """The capacity of an account at any moment."""

    def __init__(self, granted: Amounts, used: Amounts, share: Amounts, holdings: Iterable[Holding]) -> None:
        self._used = used
        counted = list(holdings)
        for each in counted:
            if not each.granted:
                # It has ended and does not count today, but a renewal brings it back.
                granted += each.worth(share)
        ending = [(each.ends, each.worth(share)) for each in counted if each.ends is not None]
        ending.sort(key=lambda each: each[0])
        self._moments = [moment for moment, _worth in ending]
        self._left = list(accumulate((worth for _moment, worth in ending), Amounts.__sub__, initial=granted))

    def after(self, moment: datetime) -> Impact:
        """The capacity left when all products that end up to and including `moment` have ended."""
        return Impact(self._left[bisect_right(self._moments, moment)], self._used)


class Fleet:
    """The servers of an account that run, given newest first; `running` is what all of them use.

    Those that are certain to be left running may be missing.
    """

    def __init__(self, newest_first: Sequence[Server], running: Amounts) -> None:
        self._servers = newest_first
        self._running = running
        self._shares = list(accumulate(server.shares for server in newest_first))
        self._memory = list(accumulate(server.memory_mb for server in newest_first))

    def paused_by(self, impact: Impact) -> Sequence[Server]:
        """The servers that the provider will pause."""
        excess = Impact(impact.pool, self._running).missing
        count = 0
        if excess.shares:
            count = bisect_left(self._shares, excess.shares) + 1
        if excess.memory_mb:
            count = max(count, bisect_left(self._memory, excess.memory_mb) + 1)
        return self._servers[:count]


def renewed(ends: datetime, months: int, anchor_day: int) -> datetime | None:
    """When a product that ends at `ends` will end after a renewal for so many months; None beyond the largest date."""
    try:
        return add_months(ends, months, anchor_day)
    except (ValueError, OverflowError):
        return None
