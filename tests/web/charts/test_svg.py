"""The geometry of charts: values in, coordinates out."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hosting.web.charts import svg
from hosting.web.charts.svg import Point

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("low", "high", "whole", "ticks"),
    [
        (0, 100, False, [0, 25, 50, 75, 100]),
        (0, 97, False, [0, 25, 50, 75, 100]),
        (0, 0.3, False, [0, 0.1, 0.2, 0.3]),
        (-30, 60, False, [-50, -25, 0, 25, 50, 75]),
        (-10, -10, False, [-10, -7.5, -5, -2.5, 0]),
        (5, 5, False, [4, 6, 8, 10]),
        (0, 0, False, [0, 0.25, 0.5, 0.75, 1]),
        (0, 1, True, [0, 1]),
        (0, 3, True, [0, 1, 2, 3]),
        (0, 10, True, [0, 5, 10]),
        (0, 4e15, False, [0, 1e15, 2e15, 3e15, 4e15]),
        (0, 1e-9, False, [0, 2.5e-10, 5e-10, 7.5e-10, 1e-9]),
    ],
)
def test_axis_has_a_few_round_ticks_that_enclose_all_values(
    low: float, high: float, whole: bool, ticks: list[float]
) -> None:
    assert svg.scale(low, high, whole=whole) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("length", "labels"),
    [
        (timedelta(hours=1), ["12:30", "12:40", "12:50", "13:00", "13:10", "13:20", "13:30"]),
        (timedelta(hours=9), ["06:00", "08:00", "10:00", "12:00"]),
        (timedelta(days=3), ["21 00:00", "21 12:00", "22 00:00", "22 12:00", "23 00:00", "23 12:00"]),
    ],
)
def test_hour_ticks_are_round_in_local_time(length: timedelta, labels: list[str]) -> None:
    at = svg.moments(NOW - length, NOW, ZoneInfo("Europe/Paris"))
    assert [f"{moment:%d %H:%M}"[-len(labels[0]) :] for moment in at] == labels


@pytest.mark.parametrize("days", [7, 30, 90, 365, 4000])
def test_day_ticks_are_at_local_midnight_across_a_clock_change(days: int) -> None:
    start = NOW - timedelta(days=days)
    at = svg.moments(start, NOW, ZoneInfo("Europe/Paris"))
    assert 4 <= len(at) <= 7
    assert {(moment.hour, moment.minute) for moment in at} == {(0, 0)}
    assert all(start <= moment <= NOW for moment in at)


def points(*values: float, hours: int = 1) -> list[Point]:
    count = len(values)
    return [(NOW - timedelta(hours=hours * (count - number)), (value,)) for number, value in enumerate(values)]


def drawn(given: list[Point]) -> svg.Drawing:
    return svg.steps(
        given,
        given[0][0],
        NOW,
        ("run",),
        label=str,
        moment=str,
        zone=UTC,
    )


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (points(100), "M0 0H1000"),
        (points(100, 100), "M0 0H500V0H1000"),
        (points(0, 0), "M0 180H500V180H1000"),
        (points(100, 50), "M0 0H500V90H1000"),
        (points(10, -10), "M0 0H500V180H1000"),
        (points(4e15, 0), "M0 0H500V180H1000"),
    ],
)
def test_line_holds_a_value_until_the_next_one(given: list[Point], line: str) -> None:
    (path,) = drawn(given).paths
    assert path.line == line


def test_value_that_lasts_for_a_while_leaves_a_gap_before_the_next_one() -> None:
    hour = timedelta(hours=1)
    given = [(NOW - 9 * hour, (4.0,)), (NOW - 8 * hour, (2.0,)), (NOW - 4 * hour, (4.0,)), (NOW - hour / 2, (0.0,))]
    drawn = svg.steps(
        given,
        NOW - 10 * hour,
        NOW,
        ["run"],
        lasts=hour,
        label=str,
        moment=str,
        zone=UTC,
    )
    (path,) = drawn.paths
    # What would last beyond the end of the axis ends there.
    assert path.line == "M100 0H200V90H300M600 0H700M950 180H1000"
    assert path.area == "M100 0H200V90H300V180H100ZM600 0H700V180H600ZM950 180H1000V180H950Z"


def test_limit_is_drawn_all_along_and_within_the_axis() -> None:
    drawn = svg.steps(
        points(1.0, 2.0), NOW - timedelta(hours=1), NOW, ["used"], limit=8.0, label=str, moment=str, zone=UTC
    )
    assert [path.kind for path in drawn.paths] == ["used", "granted"]
    assert drawn.paths[1].line == "M0 0H1000"


def test_area_closes_at_zero_for_positive_and_negative_values() -> None:
    assert drawn(points(10, 20)).paths[0].area.endswith("V180H0Z")
    assert drawn(points(10, -10)).paths[0].area.endswith("V90H0Z")
    assert drawn(points(-5, -10)).paths[0].area.endswith("V0H0Z")


@pytest.mark.parametrize("given", [points(3), points(3, 3), points(3, -4, 1e15), points(0)])
def test_drawing_stays_inside_its_bounds(given: list[Point]) -> None:
    for drawing in (drawn(given), svg.spark(given, given[0][0], NOW)):
        for path in drawing.paths:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.area)]
            assert min(numbers) >= 0
            assert all(float(y) <= drawing.height for y in re.findall(r"V([\d.]+)", path.area))


def test_sparkline_of_zero_duration_does_not_divide_by_zero() -> None:
    (path,) = svg.spark([(NOW, (5.0,))], NOW, NOW).paths
    assert path.line == "M1000 18H1000"


def test_thinning_keeps_the_peaks() -> None:
    values = [float(number % 7) for number in range(10_000)]
    values[1234], values[5678] = 99.0, -99.0
    given = points(*values)
    kept = svg.thin(given)
    assert len(kept) <= svg.MOST_POINTS
    assert kept == sorted(kept)
    assert kept[-1] == given[-1]
    assert {99.0, -99.0} <= {row[0] for _at, row in kept}
    assert svg.thin(given[:200]) == given[:200]
    assert svg.thin([(NOW, (float(number),)) for number in range(300)])[-1] == (NOW, (299.0,))


def test_period_includes_the_point_in_effect_at_its_start() -> None:
    given = points(1, 2, 3, 4)
    assert [row[0] for _at, row in svg.within(given, NOW - timedelta(hours=2, minutes=30))] == [2, 3, 4]
    assert svg.within(given, NOW) == given[-1:]
    assert svg.within([], NOW) == []


def test_bars_are_stacked_and_a_tiny_bar_stays_visible() -> None:
    drawing = svg.stacks(
        [("1 Nov", "1 Nov: 900 done, 1 failed", [900, 1]), ("2 Nov", "", [0, 0])], ("done", "failed"), label=str
    )
    first, second = drawing.columns
    done, failed = first.bars
    assert float(failed.height) == 2
    assert float(failed.y) == pytest.approx(float(done.y) - 2)
    assert float(done.y) + float(done.height) == svg.BOTTOM
    assert second.bars == []
    assert svg.stacks([], (), label=str).columns == []


@pytest.mark.parametrize("count", [1, 7, 13, 30, 53])
def test_column_labels_are_limited_and_include_the_last(count: int) -> None:
    drawing = svg.stacks([(str(number), "", [1]) for number in range(count)], ("done",), label=str)
    labels = [moment.label for moment in drawing.moments]
    assert len(labels) <= svg.MOST_TICKS
    assert labels[-1] == str(count - 1)
    assert not drawing.moments[-1].minor
