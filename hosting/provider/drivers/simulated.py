"""A driver that simulates operations: they change nothing, but take realistic time.

How long an operation takes depends on its type, its id (a jitter of a quarter either way, the same on every
run) and the speed. The token is the moment it began, so the work survives any restart.
"""

import random
import time

from hosting.provider.drivers.base import Progress, Work

# Seconds at speed 1.
DURATIONS = {
    "vm_create": 90.0,
    "vm_update": 10.0,
    "vm_delete": 20.0,
    "vm_start": 20.0,
    "vm_stop": 15.0,
    "vm_reboot": 25.0,
    "disk_create": 30.0,
    "disk_delete": 12.0,
    "disk_attach": 8.0,
    "disk_detach": 6.0,
}
PRODUCT_DURATION = 4.0
JITTER = 0.25


class SimulatedDriver:
    """`speed` multiplies every duration; 0 means done at once."""

    def __init__(self, speed: float) -> None:
        self.speed = speed

    def estimate_s(self, work: Work) -> float:
        return DURATIONS.get(work.type, PRODUCT_DURATION) * self.speed

    def duration_s(self, work: Work) -> float:
        """What this very operation takes. A scripted failure shows half-way."""
        jitter = random.Random(work.operation_id).uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
        return self.estimate_s(work) * jitter * (0.5 if work.scripted_failure else 1)

    def begin(self, work: Work) -> str:
        return f"{time.time():.3f}"

    def look(self, work: Work, token: str) -> Progress:
        left = float(token) + self.duration_s(work) - time.time()
        if self.speed and left > 0:
            return Progress("running", eta_s=left, look_again_s=min(left, 5.0))
        if work.scripted_failure:
            return Progress("failed", error=work.scripted_failure)
        return Progress("done")
