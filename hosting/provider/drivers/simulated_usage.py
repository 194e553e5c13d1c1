"""What simulated guests use: believable, and a function of the guest and the time alone, so that nothing is stored.

A rate is an average with three waves on it: of a day, of three quarters of an hour, and of some minutes. A counter is
its integral, which has a closed form.
"""

import math
import random
from functools import lru_cache
from uuid import UUID

from hosting.provider.drivers.base import Observed, Usage

_DAY_S = 86_400.0
# When the wave of a day is highest: at three in the afternoon, UTC, in radians.
_BUSIEST = math.tau * 15 / 24
# Averages a second, from the quietest guest to the busiest: parts of a core, and bytes.
_CORES = (0.02, 0.35)
_DISK_READ = (2_000.0, 400_000.0)
_DISK_WRITTEN = (8_000.0, 300_000.0)
_NET_IN = (3_000.0, 150_000.0)
_NET_OUT = (5_000.0, 600_000.0)
# The part of its memory that a guest uses, and how much that part goes up and down in a day.
_MEMORY, _MEMORY_WAVE = (0.35, 0.7), 0.08


@lru_cache(maxsize=4_096)
def _averages(uuid: UUID) -> tuple[tuple[float, float], ...]:
    """The averages of a guest, each with the phase of its shorter waves."""
    chance = random.Random(uuid.int)  # noqa: S311
    return tuple(
        (low * (high / low) ** chance.random(), chance.uniform(0, math.tau))
        for low, high in (_CORES, _DISK_READ, _DISK_WRITTEN, _NET_IN, _NET_OUT, _MEMORY)
    )


def usage_of(uuid: UUID, guest: Observed, at: float) -> Usage:
    """What a guest has used at a time, in seconds since 1970. Nothing, unless it runs."""
    if guest.state != "running":
        return Usage()
    *counted, (memory, _) = _averages(uuid)
    cores, disk_read, disk_written, net_in, net_out = (_counted(average, phase, at) for average, phase in counted)
    return Usage(
        cpu_ns=int(cores * 1e9),
        memory_mb=round(guest.memory_mb * (memory + _MEMORY_WAVE * math.cos(math.tau * at / _DAY_S - _BUSIEST))),
        disk_read=int(disk_read),
        disk_written=int(disk_written),
        net_in=int(net_in),
        net_out=int(net_out),
    )


def _counted(average: float, phase: float, at: float) -> float:
    """The integral from 1970 on of a rate that is `average * (1 + the waves)`. The parts of the waves come to less than
    1, so that it never goes back.
    """
    waves = ((_DAY_S, 0.55, _BUSIEST), (2_700.0, 0.2, phase), (420.0, 0.15, phase))
    grown = sum(part * length / math.tau * math.sin(math.tau * at / length - shift) for length, part, shift in waves)
    return average * (at + grown)
