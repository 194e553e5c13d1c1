"""Averages of what a VM uses, from the counters of its samples."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

KEPT = timedelta(hours=48)
STEP_S = (60, 86_400)
# The most steps that an answer has: as many minutes as are kept.
STEPS_MAX = 2_880
# Between samples that are further apart, nothing is known: some are missing.
APART_MAX_S = 150.0


class Sample(NamedTuple):
    """The columns of `UsageSample` that averages are made of, in their order."""

    minute: int
    at: datetime
    cpu_ns: int
    memory_mb: int
    disk_read: int
    disk_written: int
    net_in: int
    net_out: int


_RATES = ("disk_read", "disk_written", "net_in", "net_out")


def averages(samples: Iterable[Sample], since: datetime, step_s: int) -> list[dict[str, Any]]:
    """The averages over steps, oldest first. A step begins at a multiple of its length since 1970.

    `samples` are in the order of their minutes, and begin before `since`. A step of which nothing is known is left out,
    and so is the minute in which a guest was started or stopped.
    """
    first = int(since.timestamp()) // step_s
    found: dict[int, list[float]] = {}
    for before, after in pairwise(samples):
        step = after.minute * 60 // step_s
        if step < first or not _is_comparable(before, after):
            continue
        lasted_s = (after.at - before.at).total_seconds()
        grown = [new - old for old, new in zip(before[4:], after[4:], strict=True)]
        sums = [lasted_s, after.cpu_ns - before.cpu_ns, after.memory_mb * lasted_s, *grown]
        found[step] = [total + more for total, more in zip(found.get(step, [0.0] * len(sums)), sums, strict=True)]
    return [_average(step * step_s, *sums) for step, sums in found.items()][-STEPS_MAX:]


def _is_comparable(before: Sample, after: Sample) -> bool:
    """Whether both are of one run of the guest, and of neighbouring minutes, so that what lies between is known."""
    lasted_s = (after.at - before.at).total_seconds()
    if not 0 < lasted_s <= APART_MAX_S or (before.cpu_ns == 0) != (after.cpu_ns == 0):
        return False
    return after.cpu_ns >= before.cpu_ns and all(new >= old for old, new in zip(before[4:], after[4:], strict=True))


def _average(at: int, lasted_s: float, cpu_ns: float, memory_mb_s: float, *grown: float) -> dict[str, Any]:
    return {
        "at": datetime.fromtimestamp(at, UTC),
        # Of one core.
        "cpu_percent": round(cpu_ns / lasted_s / 1e7, 2),
        "memory_mb": round(memory_mb_s / lasted_s, 1),
        # Bytes a second.
        **{name: round(total / lasted_s, 1) for name, total in zip(_RATES, grown, strict=True)},
    }
