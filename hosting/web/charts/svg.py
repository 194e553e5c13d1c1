"""The geometry of charts: values in, coordinates in an SVG out. Pure, and without words.

A chart stretches in width but keeps its height and font size, so that it is readable on a phone too. x is a part of
the width (per cent, or thousandths in a path), y is in pixels. Coordinates are strings, so that templates don't
localise them.

Decision: docs/decisions/0017-charts-are-drawn-by-the-server.md
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

TOP = 18
HEIGHT = 180
BOTTOM = TOP + HEIGHT
# The room for the labels below.
_LABELS = 24
# The most points that are drawn: more than a screen can show.
MOST_POINTS = 200
MOST_TICKS = 7
# The x coordinate of a path goes from 0 to this.
_WIDE = 1000
# Labels right of this per cent are right-aligned: there is no room beside the chart.
_RIGHT = 96
# The least height of a bar above zero, in pixels, so that it is visible beside a very high one.
_LOWEST_BAR = 2.0
# Tolerance for floating-point arithmetic.
_NEARLY = 1e-9

Point = tuple[datetime, tuple[float, ...]]


@dataclass(frozen=True)
class Tick:
    """A label at a position of an axis. Narrow charts leave out the minor ones."""

    place: str
    label: str
    anchor: str = "start"
    minor: bool = False


@dataclass(frozen=True)
class Path:
    """One series: `line` is the curve, `area` the same closed down to the base line."""

    kind: str
    line: str
    area: str


@dataclass(frozen=True)
class Bar:
    kind: str
    y: str
    height: str


@dataclass(frozen=True)
class Column:
    """The bars of one slot, from the bottom up; `title` gives their values."""

    x: str
    width: str
    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Drawing:
    """A whole chart: grid lines and times with their labels, and either paths or columns."""

    height: int
    top: int
    rows: Sequence[Tick] = ()
    moments: Sequence[Tick] = ()
    paths: Sequence[Path] = ()
    columns: Sequence[Column] = ()

    @property
    def box(self) -> str:
        """The `viewBox` of the paths."""
        return f"0 0 {_WIDE} {self.height}"

    @property
    def gutter(self) -> int:
        """The width beside the chart for the longest label."""
        return 12 + 7 * max((len(row.label) for row in self.rows), default=0)

    @property
    def total(self) -> int:
        """The total height, with the labels below."""
        return self.top + self.height + (_LABELS if self.moments else self.top)

    @property
    def label_line(self) -> int:
        """The base line of the labels below."""
        return self.total - 4


def scale(low: float, high: float, *, most: int = 5, whole: bool = False) -> list[float]:
    """Round values at equal distances that enclose `low` and `high`; `whole` numbers for counts."""
    if high <= low:
        high = low + (abs(low) or 1)
    least = max((high - low) / (most - 1), 1.0 if whole else 0.0)
    power = 10.0 ** math.floor(math.log10(least))
    factors = (1, 2, 5, 10) if whole else (1, 2, 2.5, 5, 10)
    step = next(factor * power for factor in factors if factor * power >= least * (1 - _NEARLY))
    first, last = math.floor(low / step + _NEARLY), math.ceil(high / step - _NEARLY)
    return [number * step for number in range(first, last + 1)]


_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_STEPS = [
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    *(_HOUR * hours for hours in (1, 2, 4, 12)),
    *(_DAY * days for days in (1, 2, 5, 10, 15, 30, 61, 122, 366)),
]


def moments(start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """At most seven round times between two: full hours or midnights in the reader's zone."""
    length = end - start
    step = next((step for step in _STEPS if length <= step * MOST_TICKS), _STEPS[-1])
    midnight = end.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[datetime] = []
    if step >= _DAY:
        # Count days on the calendar: a day may have 23 hours.
        while midnight >= start and len(found) < MOST_TICKS:
            found.append(midnight)
            midnight -= step
        return found[::-1]
    at = midnight + (end - midnight) // step * step
    while at >= start and len(found) < MOST_TICKS:
        found.append(at)
        at -= step
    return found[::-1]


def within(points: Sequence[Point], start: datetime) -> list[Point]:
    """The points from `start` on, and the one before, whose value still holds at `start`."""
    first = next((index for index, (at, _values) in enumerate(points) if at > start), len(points))
    return list(points[max(0, first - 1) :])


def thin(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most `most` of the points, oldest first: the last, lowest and highest of each stretch of time."""
    if len(points) <= most:
        return list(points)
    series = range(len(points[0][1]))
    slots = max(1, most // (2 * len(series) + 1))
    start, length = points[0][0], (points[-1][0] - points[0][0]) / slots
    stretches: dict[int, list[int]] = {}
    for index, (at, _values) in enumerate(points):
        slot = min(slots - 1, int((at - start) / length)) if length else 0
        stretches.setdefault(slot, []).append(index)
    kept = set()
    for stretch in stretches.values():
        kept.add(stretch[-1])
        for one in series:
            kept.add(min(stretch, key=lambda index: points[index][1][one]))
            kept.add(max(stretch, key=lambda index: points[index][1][one]))
    return [points[index] for index in sorted(kept)]


def steps(
    points: Sequence[Point],
    start: datetime,
    end: datetime,
    kinds: Sequence[str],
    *,
    unit: float = 1,
    lasts: timedelta | None = None,
    limit: float | None = None,
    label: Callable[[float], str],
    moment: Callable[[datetime], str],
    zone: tzinfo,
) -> Drawing:
    """A chart of values that hold until the next one, as steps, from zero. Grid lines are round multiples of `unit`.

    With `lasts` a value holds for so long at most: after that is a gap. `limit` is drawn all along, as "granted".
    `label` formats a value, `moment` a time in the reader's zone.
    """
    values = [value / unit for _at, row in points for value in row]
    limits: list[Point] = [] if limit is None else [(start, (limit,))]
    values += [value / unit for _at, row in limits for value in row]
    rows = scale(min(0.0, *values), max(0.0, *values))
    found = moments(start, end, zone)
    return Drawing(
        HEIGHT,
        TOP,
        rows=[Tick(_px(_y(row, rows, HEIGHT) + TOP), label(row * unit)) for row in rows],
        moments=[
            _below(100 * _part(at, start, end), moment(at), minor=(len(found) - index) % 2 == 0)
            for index, at in enumerate(found)
        ],
        paths=[
            *(_path(kind, points, index, start, end, rows, unit, HEIGHT, lasts) for index, kind in enumerate(kinds)),
            *(_path("granted", [point], 0, start, end, rows, unit, HEIGHT) for point in limits),
        ],
    )


def spark(points: Sequence[Point], start: datetime, end: datetime, *, height: int = 36) -> Drawing:
    """A sparkline: the course of one value, without axes."""
    values = [row[0] for _at, row in points]
    low, high = min(values), max(values)
    rows = [low, high] if high > low else [low - 1, high + 1]
    return Drawing(height, 2, paths=[_path("run", points, 0, start, end, rows, 1, height)])


def stacks(
    slots: Sequence[tuple[str, str, Sequence[int]]], kinds: Sequence[str], *, label: Callable[[float], str]
) -> Drawing:
    """Stacked columns, one for each slot: (label below, title, counts)."""
    rows = scale(0, max((sum(counts) for _name, _title, counts in slots), default=0), whole=True)
    width = 100 / max(1, len(slots))
    every = max(1, math.ceil(len(slots) / MOST_TICKS))
    return Drawing(
        HEIGHT,
        TOP,
        rows=[Tick(_px(_y(row, rows, HEIGHT) + TOP), label(row)) for row in rows],
        moments=[
            _below(width * (index + 0.5), name, minor=(len(slots) - 1 - index) // every % 2 == 1)
            for index, (name, _title, _counts) in enumerate(slots)
            if (len(slots) - 1 - index) % every == 0
        ],
        columns=[
            Column(
                _px(width * (index + 0.14)), _px(width * 0.72), title, _bars(counts, kinds, HEIGHT / (rows[-1] or 1))
            )
            for index, (_name, title, counts) in enumerate(slots)
        ],
    )


def _bars(counts: Sequence[int], kinds: Sequence[str], each: float) -> list[Bar]:
    foot, found = float(BOTTOM), []
    for kind, count in zip(kinds, counts, strict=True):
        if count:
            height = max(_LOWEST_BAR, count * each)
            foot -= height
            found.append(Bar(kind, _px(foot), _px(height)))
    return found


def _path(
    kind: str,
    points: Sequence[Point],
    index: int,
    start: datetime,
    end: datetime,
    rows: Sequence[float],
    unit: float,
    height: int,
    lasts: timedelta | None = None,
) -> Path:
    foot = _px(_y(min(max(0.0, rows[0]), rows[-1]), rows, height))
    line, area = "", ""
    for run in _runs(points, lasts):
        places = [
            (_px(_WIDE * _part(at, start, end)), _px(_y(values[index] / unit, rows, height))) for at, values in run
        ]
        until = _px(_WIDE * _part(run[-1][0] + lasts, start, end)) if lasts else str(_WIDE)
        drawn = f"M{places[0][0]} {places[0][1]}" + "".join(f"H{x}V{y}" for x, y in places[1:]) + f"H{until}"
        line += drawn
        area += f"{drawn}V{foot}H{places[0][0]}Z"
    return Path(kind, line, area)


def _runs(points: Sequence[Point], lasts: timedelta | None) -> list[list[Point]]:
    """The points between gaps."""
    runs: list[list[Point]] = []
    for point in points:
        if runs and (lasts is None or point[0] - runs[-1][-1][0] <= lasts):
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _part(at: datetime, start: datetime, end: datetime) -> float:
    """The position between two times, from 0 to 1."""
    return min(1.0, max(0.0, (at - start) / (end - start))) if end > start else 1.0


def _y(value: float, rows: Sequence[float], height: int) -> float:
    return height * (1 - (value - rows[0]) / (rows[-1] - rows[0]))


def _below(percent: float, label: str, *, minor: bool) -> Tick:
    return Tick(_px(percent), label, "end" if percent > _RIGHT else "middle", minor)


def _px(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
