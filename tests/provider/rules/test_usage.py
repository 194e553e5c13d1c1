"""Averages of usage, from counters."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hosting.provider.rules import usage
from hosting.provider.rules.usage import Sample, averages

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# A minute with half of a core, 10,240 bytes read a second, twice of that written, three and four times on the network.
BUSY = (30_000_000_000, 614_400, 1_228_800, 1_843_200, 2_457_600)


def sample(number: float, grown: float, *, memory_mb: int = 200, start: int = 1_000) -> Sample:
    """The counters `number` minutes after noon, after `grown` busy minutes."""
    at = NOON + number * MINUTE
    cpu, *rest = (start + int(grown * each) for each in BUSY)
    return Sample(int(at.timestamp()) // 60, at, cpu, memory_mb, *rest)


def halted(number: int) -> Sample:
    at = NOON + number * MINUTE
    return Sample(int(at.timestamp()) // 60, at, 0, 0, 0, 0, 0, 0)


def minutes(found: list[dict[str, Any]]) -> list[int]:
    return [(each["at"] - NOON) // MINUTE for each in found]


BUSY_MINUTE = {
    "cpu_percent": 50.0,
    "memory_mb": 200.0,
    "disk_read": 10_240.0,
    "disk_written": 20_480.0,
    "net_in": 30_720.0,
    "net_out": 40_960.0,
}


def test_each_minute_is_the_difference_of_two_samples() -> None:
    found = averages([sample(0, 0), sample(1, 1), sample(2, 1)], NOON, 60)
    idle = {**dict.fromkeys(BUSY_MINUTE, 0.0), "memory_mb": 200.0}
    assert found == [{"at": NOON + MINUTE, **BUSY_MINUTE}, {"at": NOON + 2 * MINUTE, **idle}]


def test_average_is_over_the_time_that_really_passed() -> None:
    late = [sample(0, 0), sample(1.5, 1.5)]
    assert averages(late, NOON, 60) == [{"at": NOON + MINUTE, **BUSY_MINUTE}]


def test_longer_steps_begin_at_multiples_of_their_length_and_are_whole() -> None:
    samples = [sample(number, max(0, number - 9), memory_mb=100 if number < 15 else 300) for number in range(21)]
    found = averages(samples, NOON + 13 * MINUTE, 600)
    assert minutes(found) == [10, 20]
    assert [each["cpu_percent"] for each in found] == [50.0, 50.0]
    # Five minutes with 100 MB, and five with 300.
    assert [each["memory_mb"] for each in found] == [200.0, 300.0]


@pytest.mark.parametrize("counter", ["cpu_ns", "disk_read", "disk_written", "net_in", "net_out"])
def test_counter_that_goes_back_gives_no_value(counter: str) -> None:
    """A guest that was started anew begins at zero; of a disk that was detached, its part of the sum is gone."""
    back = Sample(**{**sample(2, 2)._asdict(), counter: 1})
    found = averages([sample(0, 0), sample(1, 1), back, sample(3, 3)], NOON, 60)
    assert minutes(found) == [1, 3]
    assert all(value >= 0 for each in found for name, value in each.items() if name != "at")


def test_missing_minutes_are_left_out_and_not_filled() -> None:
    found = averages([sample(0, 0), sample(1, 1), sample(7, 7), sample(8, 8)], NOON, 60)
    assert minutes(found) == [1, 8]
    # One that came too late to count for its minute is no gap.
    assert minutes(averages([sample(0, 0), sample(2, 2)], NOON, 60)) == [2]


def test_halted_guest_uses_nothing_and_its_start_and_stop_have_no_value() -> None:
    samples = [halted(0), halted(1), sample(2, 2, start=10**15), sample(3, 3, start=10**15), halted(4), halted(5)]
    found = averages(samples, NOON, 60)
    assert minutes(found) == [1, 3, 5]
    assert [each["cpu_percent"] for each in found] == [0.0, 50.0, 0.0]


def test_two_samples_of_one_moment_divide_nothing_by_zero() -> None:
    assert averages([sample(0, 0), sample(0, 1)], NOON, 60) == []


def test_nothing_before_the_first_step_and_no_more_than_the_newest_2880() -> None:
    def many() -> Iterator[Sample]:
        return (sample(number, number) for number in range(3_001))

    assert minutes(averages(many(), NOON + 2_999.5 * MINUTE, 60)) == [2_999, 3_000]
    found = averages(many(), NOON, 60)
    assert (len(found), minutes(found)[-1]) == (usage.STEPS_MAX, 3_000)
    assert averages([], NOON, 60) == []
