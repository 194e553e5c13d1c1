"""Timing: everything is done several times, because other work shares the machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True)
class Times:
    """Seconds that repetitions of one thing took, and what this process computed meanwhile, where that was noted."""

    seconds: list[float]
    cpu_seconds: list[float] = field(default_factory=list)

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)

    @property
    def median_ms(self) -> float:
        return self.median_s * 1000

    @property
    def cpu_ms(self) -> float:
        """Other work on the machine makes everything take longer, but this hardly."""
        return statistics.median(self.cpu_seconds) * 1000

    @property
    def p95_s(self) -> float:
        """95 of 100 took no longer. It takes two repetitions at least."""
        return statistics.quantiles(self.seconds, n=20, method="inclusive")[-1]

    @property
    def p95_ms(self) -> float:
        return self.p95_s * 1000


def timed(do: Callable[[], Result]) -> tuple[float, Result]:
    """The seconds that `do` took, and what it returned."""
    started = time.perf_counter()
    result = do()
    return time.perf_counter() - started, result


def repeated(do: Callable[[], object], times: int, *, warm_up: int = 0) -> Times:
    """`do` again and again; the first `warm_up` do not count."""
    for _ in range(warm_up):
        do()
    seconds, cpu_seconds = [], []
    for _ in range(times):
        cpu = time.process_time()
        seconds.append(timed(do)[0])
        cpu_seconds.append(time.process_time() - cpu)
    return Times(seconds, cpu_seconds)


def wait_until(is_so: Callable[[], object], limit_s: float, *, pause_s: float = 0.2) -> bool:
    """Look again and again; False when it is not so within `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_s)
    return True
