"""How long the prepaid balance lasts. Pure.

The rule: spending continues at the pace of the last 90 days, or since the first sample if that is at least 30 days ago.
Incoming money (top-ups, refunds for released products) is ignored, because it may not come again. Future purchases and
renewals count only as far as similar ones were paid in that time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

WINDOW = timedelta(days=90)
ENOUGH = timedelta(days=30)
# Beyond this, a date would suggest a precision that the estimate does not have.
_FAR = timedelta(days=3650)


@dataclass(frozen=True)
class Known:
    """The balance from `at` on, and all that was spent until then."""

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
    """`per_day` is the average spending a day over `days` days; `ends_at` is set when the outlook is ENDS."""

    outlook: Outlook
    days: int = 0
    per_day: Decimal = Decimal(0)
    ends_at: datetime | None = None


def runway(history: Sequence[Known], now: datetime) -> Runway:
    """How long the balance lasts, from its history, oldest first. Before the window, only the last entry counts."""
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
