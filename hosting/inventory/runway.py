"""How long the prepaid balance lasts. Pure.

The rule: what was spent in the last 90 days (or since the first sample, when that is at least 30 days ago) goes on
being spent at the same pace. Money that came in, by a top-up or given back for what was released, is ignored: it may
not come again. What will be bought or renewed counts only as far as the like of it was paid in that time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

WINDOW = timedelta(days=90)
ENOUGH = timedelta(days=30)
# Further away than this, a date would only look exact.
_FAR = timedelta(days=3650)


@dataclass(frozen=True)
class Known:
    """The balance as it stood from `at` on, and all that had been spent until then."""

    at: datetime
    balance: Decimal
    spent: Decimal


class Outlook(StrEnum):
    USED_UP = "used_up"
    NOT_ENOUGH_HISTORY = "not_enough_history"
    NOTHING_SPENT = "nothing_spent"
    FAR = "far"
    ENDS = "ends"


@dataclass(frozen=True)
class Runway:
    """`per_day` is what was spent a day, on average over `days` days; `ends_at` is set when the outlook is ENDS."""

    outlook: Outlook
    days: int = 0
    per_day: Decimal = Decimal(0)
    ends_at: datetime | None = None


def runway(history: Sequence[Known], now: datetime) -> Runway:
    """How long the balance lasts, from its history, oldest first. Of what is before the window only the last counts."""
    if not history:
        return Runway(Outlook.NOT_ENOUGH_HISTORY)
    latest = history[-1]
    start = now - WINDOW
    base = next((known for known in reversed(history) if known.at <= start), history[0])
    length = now - max(base.at, start)
    if latest.balance <= 0:
        return Runway(Outlook.USED_UP, length.days)
    if length < ENOUGH:
        return Runway(Outlook.NOT_ENOUGH_HISTORY, length.days)
    per_day = (latest.spent - base.spent) * 86400 / Decimal(length.total_seconds())
    if per_day <= 0:
        return Runway(Outlook.NOTHING_SPENT, length.days)
    days_left = latest.balance / per_day
    if days_left > _FAR.days:
        return Runway(Outlook.FAR, length.days, per_day)
    return Runway(Outlook.ENDS, length.days, per_day, now + timedelta(days=float(days_left)))
