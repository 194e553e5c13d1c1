"""The impact of ending products: how much capacity is left, and which servers no longer fit. Pure.

The newest servers stop fitting first, as many as needed until the others fit by shares and memory. The provider does
not say which ones it would stop; this rule is simple and gives the same answer every day.
"""

import calendar
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import ceil

from hosting.inventory.capacity import Amounts


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
    """The servers of an account, given newest first."""

    def __init__(self, newest_first: Sequence[Server]) -> None:
        self._servers = newest_first
        self._shares = list(accumulate(server.shares for server in newest_first))
        self._memory = list(accumulate(server.memory_mb for server in newest_first))

    def that_stop_fitting(self, impact: Impact) -> Sequence[Server]:
        """The servers that no longer fit."""
        missing = impact.missing
        count = 0
        if missing.shares:
            count = bisect_left(self._shares, missing.shares) + 1
        if missing.memory_mb:
            count = max(count, bisect_left(self._memory, missing.memory_mb) + 1)
        return self._servers[:count]


def renewed(ends: datetime, months: int) -> datetime | None:
    """When a product that ends at `ends` will end after a renewal for so many months; None beyond the largest date."""
    years, month = divmod(ends.month - 1 + months, 12)
    try:
        last = calendar.monthrange(ends.year + years, month + 1)[1]
        return ends.replace(year=ends.year + years, month=month + 1, day=min(ends.day, last))
    except (ValueError, OverflowError):
        return None
