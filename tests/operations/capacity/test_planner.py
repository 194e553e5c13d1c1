"""The capacity planner: how many servers fit and what to buy."""

from dataclasses import replace

import pytest

from hosting.inventory.capacity import Amounts, Capacity
from hosting.operations.capacity.planner import Answer, Largest, Size, fit, largest
from tests.factories import SHARE

GB = 1024


def pool(shares: int, disk_gb: int, *, reserved: int = 0, **other: float) -> Capacity:
    """So many shares left, of which some are on their way; so much disk left."""
    left = replace(SHARE.times(shares), disk_mb=disk_gb * GB, **other)
    nothing = Amounts()
    return Capacity(SHARE, granted=left, used=nothing, reserved=SHARE.times(reserved), expired=nothing, available=left)


@pytest.mark.parametrize(
    ("capacity", "size", "count", "answer"),
    [
        (pool(8, 64), Size(2, 4 * GB), 1, Answer(4, "shares", 0, 0)),
        (pool(8, 64), Size(2, 4 * GB), 5, Answer(4, "shares", 1, 2)),
        (pool(8, 10), Size(1, 4 * GB), 3, Answer(2, "disk_mb", 1, 1)),
        (pool(8, 10), Size(1, 100 * GB), 1, Answer(0, "disk_mb", 1, 12)),
        (pool(0, 0), Size(1, 3 * GB), 1, Answer(0, "shares", 1, 1)),
        (pool(9, 90, reserved=4), Size(5, GB), 1, Answer(1, "shares", 0, 0)),
        (pool(9, 90, reserved=4), Size(6, GB), 1, Answer(0, "shares", 1, 1)),
        (pool(8, 64, memory_mb=512), Size(1, GB), 4, Answer(2, "memory_mb", 2, 2)),
        (pool(8, 64, servers=1), Size(1, GB), 2, Answer(1, "servers", 1, 1)),
        # Of a core there are quarters, which must not be lost to rounding.
        (pool(12, 96), Size(4, GB), 3, Answer(3, "shares", 0, 0)),
        (pool(-2, -8), Size(1, GB), 1, Answer(0, "shares", 1, 3)),
    ],
)
def test_planner_counts_servers_that_fit_and_what_to_buy(
    capacity: Capacity, size: Size, count: int, answer: Answer
) -> None:
    assert fit(capacity, size, count) == answer


@pytest.mark.parametrize(
    ("capacity", "system_gb", "found"),
    [
        (pool(8, 64), 3, Largest(8, 4, 2048, 3 * GB)),
        (pool(2, 64), 3, Largest(2, 2, 512, 3 * GB)),
        (pool(9, 64, reserved=6), 3, Largest(3, 3, 768, 3 * GB)),
        (pool(8, 64, memory_mb=700), 3, Largest(2, 2, 512, 3 * GB)),
        (pool(8, 2), 3, None),
        (pool(0, 64), 3, None),
        (pool(8, 64, servers=0), 3, None),
    ],
)
def test_planner_finds_the_largest_server_that_fits(capacity: Capacity, system_gb: int, found: Largest | None) -> None:
    assert largest(capacity, system_gb * GB) == found
