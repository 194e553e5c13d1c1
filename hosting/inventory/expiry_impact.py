"""What is left of an account's capacity when products end, and which servers stop fitting. Pure.

Which servers: the newest first, as many as it takes until the shares and the memory of the others fit. The provider
does not say which it would stop; the rule is simple, and the same on every day.
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
    """A product as far as capacity goes: `quantity` shares, or MB when it is disk quota.

    `ends` is when it stops counting, None when nobody knows; `granted` whether it is part of what is granted now.
    """

    is_disk: bool
    quantity: int
    ends: datetime | None
    granted: bool = True

    def worth(self, share: Amounts) -> Amounts:
        """What it brings, one share being worth `share`."""
        return Amounts(disk_mb=self.quantity) if self.is_disk else share.times(self.quantity)


@dataclass(frozen=True)
class Server:
    """A server as far as capacity goes."""

    remote_id: int
    hostname: str
    shares: int
    memory_mb: int


@dataclass(frozen=True)
class Impact:
    """The pool once all that ends up to a moment has ended, against what is used today."""

    pool: Amounts
    used: Amounts

    @property
    def missing(self) -> Amounts:
        """How much more is used than there will be; no resource is below zero."""
        short = self.used - self.pool
        return Amounts(shares=max(0, short.shares), memory_mb=max(0, short.memory_mb), disk_mb=max(0, short.disk_mb))

    @property
    def missing_shares(self) -> int:
        """In whole shares."""
        return ceil(self.missing.shares)

    @property
    def fits(self) -> bool:
        return self.missing == Amounts()


class Pool:
    """What an account has, and what of it is left at any moment."""

    def __init__(self, granted: Amounts, used: Amounts, share: Amounts, holdings: Iterable[Holding]) -> None:
        self._used = used
        counted = list(holdings)
        for each in counted:
            if not each.granted:
                # It has ended, and comes back.
                granted += each.worth(share)
        ending = [(each.ends, each.worth(share)) for each in counted if each.ends is not None]
        ending.sort(key=lambda each: each[0])
        self._moments = [moment for moment, _worth in ending]
        self._left = list(accumulate((worth for _moment, worth in ending), Amounts.__sub__, initial=granted))

    def after(self, moment: datetime) -> Impact:
        """What is left when everything that ends up to `moment`, this included, has ended."""
        return Impact(self._left[bisect_right(self._moments, moment)], self._used)


class Fleet:
    """The servers of an account, given newest first."""

    def __init__(self, newest_first: Sequence[Server]) -> None:
        self._servers = newest_first
        self._shares = list(accumulate(server.shares for server in newest_first))
        self._memory = list(accumulate(server.memory_mb for server in newest_first))

    def that_stop_fitting(self, impact: Impact) -> Sequence[Server]:
        """The servers that do not fit any more."""
        missing = impact.missing
        count = 0
        if missing.shares:
            count = bisect_left(self._shares, missing.shares) + 1
        if missing.memory_mb:
            count = max(count, bisect_left(self._memory, missing.memory_mb) + 1)
        return self._servers[:count]


def renewed(ends: datetime, months: int) -> datetime | None:
    """When a product ends that ended at `ends` and is renewed for so many months; None past the end of time."""
    years, month = divmod(ends.month - 1 + months, 12)
    try:
        last = calendar.monthrange(ends.year + years, month + 1)[1]
        return ends.replace(year=ends.year + years, month=month + 1, day=min(ends.day, last))
    except (ValueError, OverflowError):
        return None
