"""What simulated guests use is believable, and needs no memory."""

from itertools import pairwise
from uuid import UUID, uuid5

import pytest

from hosting.provider.drivers.base import GuestState, Observed, Usage
from hosting.provider.drivers.simulated_usage import usage_of

SPACE = UUID(int=7)
GUESTS = [uuid5(SPACE, str(number)) for number in range(40)]
RUNS = Observed("running", 512)
# Midnight UTC.
MIDNIGHT = 1_795_824_000.0
COUNTERS = ("cpu_ns", "disk_read", "disk_written", "net_in", "net_out")


@pytest.mark.parametrize("uuid", GUESTS[:8])
def test_counters_never_go_back_and_the_same_moment_gives_the_same(uuid: UUID) -> None:
    course = [usage_of(uuid, RUNS, MIDNIGHT + 17 * number) for number in range(6_000)]
    assert course[99] == usage_of(uuid, RUNS, MIDNIGHT + 17 * 99)
    for counter in COUNTERS:
        assert all(getattr(before, counter) <= getattr(after, counter) for before, after in pairwise(course)), counter
    assert {0 < each.memory_mb < 512 for each in course} == {True}


def hourly_cores(uuid: UUID, hour: int) -> float:
    begin, end = (usage_of(uuid, RUNS, MIDNIGHT + 3_600 * each) for each in (hour, hour + 1))
    return (end.cpu_ns - begin.cpu_ns) / 1e9 / 3_600


def test_guests_differ_and_have_more_to_do_by_day() -> None:
    by_day, by_night = ([hourly_cores(uuid, hour) for uuid in GUESTS] for hour in (14, 3))
    assert all(day > 1.5 * night for day, night in zip(by_day, by_night, strict=True))
    assert max(by_day) > 4 * min(by_day)
    assert max(by_day) < 1


@pytest.mark.parametrize("state", ["halted", "crashed", "paused"])
def test_guest_that_does_not_run_uses_nothing(state: GuestState) -> None:
    assert usage_of(GUESTS[0], Observed(state, 512), MIDNIGHT) == Usage()
