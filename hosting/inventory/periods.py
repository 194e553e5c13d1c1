"""Calendar months: when a product ends after a renewal, and how many of its months are left. Pure.

Source: the provider's API ("Dates and money" in docs/provider-api.md). A product ends on the day of the month on which
it was bought, its *anchor day*, or on the last day of a month that is too short for it.
"""

import calendar
from datetime import datetime, timedelta
from fractions import Fraction


def anchor_day_of(created: datetime | None, end: datetime) -> int:
    """The day of the month on which a product was bought; the day of its end when that is unknown."""
    return created.day if created is not None else end.day


def add_months(when: datetime, months: int, anchor_day: int) -> datetime:
    """`when`, so many months later or earlier, on the anchor day or the last day of a month that is too short for it.

    A `when` that agrees with no such day keeps its own day.

    Raises:
        ValueError, OverflowError: the result is beyond the largest date.
    """
    day = anchor_day if when.day == min(anchor_day, _length(when.year, when.month)) else when.day
    years, month = divmod(when.month - 1 + months, 12)
    year, month = when.year + years, month + 1
    return when.replace(year=year, month=month, day=min(day, _length(year, month)))


def months_left(end: datetime, now: datetime, anchor_day: int) -> Fraction:
    """The months from `now` to `end`, exactly; zero when it has passed.

    Months are counted back from the end, so whole ones are those that were bought. The one that has begun counts as
    the part of its real length that is left.
    """
    if end <= now:
        return Fraction(0)
    count = 12 * (end.year - now.year) + end.month - now.month
    if add_months(end, -count, anchor_day) > now:
        count += 1
    start, next_start = add_months(end, -count, anchor_day), add_months(end, 1 - count, anchor_day)
    return count - 1 + Fraction((next_start - now) // _TICK, (next_start - start) // _TICK)


_TICK = timedelta(microseconds=1)


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
