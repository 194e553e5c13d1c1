"""Calendar months: when a product ends, and how many of its months are left. Pure.

A product has an *anchor day*, the day of the month on which it was bought. It ends on that day, or on the last day of a
month that is too short for it. The month after, it ends on the anchor day again: six renewals of a month end on the
same day as one of six months.
"""

import calendar
from datetime import datetime, timedelta
from fractions import Fraction


def add_months(when: datetime, months: int, anchor_day: int) -> datetime:
    """`when`, so many months later or earlier, on the anchor day or the last day of a month that is too short for it.

    A `when` that agrees with no such day keeps its own day.
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
