"""Quiet hours: when a team allows no deletes. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True)
class QuietHours:
    """From `start` until `end`, in local time of the time zone `zone`.

    They run past midnight when `end` is not after `start`, and last 24 hours when the two are equal. `days` (0 is
    Monday) are the days on which they start. An hour that occurs twice, when clocks are set back, is quiet both times.
    """

    start: time
    end: time
    zone: str
    days: frozenset[int] = EVERY_DAY

    @property
    def always(self) -> bool:
        """Whether the quiet hours cover the whole week."""
        return self.start == self.end and self.days == EVERY_DAY

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours at `now` end, including those that follow without a gap; None outside quiet hours."""
        moment, found = now, None
        for _day in EVERY_DAY:
            end = self._end_at(moment)
            if end is None:
                break
            moment = found = end
        return found

    def _end_at(self, moment: datetime) -> datetime | None:
        """The end of the single period that contains `moment`; None when there is none."""
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            if day.weekday() not in self.days:
                continue
            over = day if self.end > self.start else day + timedelta(days=1)
            end = max(self._instant(over, self.end, fold) for fold in (0, 1))
            if self._instant(day, self.start) <= moment < end:
                return end
        return None

    def _instant(self, day: date, clock: time, fold: int = 0) -> datetime:
        return datetime.combine(day, clock, tzinfo=ZoneInfo(self.zone)).replace(fold=fold).astimezone(UTC)
