"""How long simulated work takes: believable, the same on each run, and known from its beginning alone."""

import random
from datetime import UTC, datetime

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
    "sharedeck.vm_rename": 3.0,
    "sharedeck.vm_reinstall": 40.0,
    "sharedeck.ip_reverse": 0.0,
}
PRODUCT_DURATION = 4.0
# Each operation takes up to so much more or less.
JITTER = 0.25


def duration_s(operation_id: int, estimate_s: float, *, fails: bool = False) -> float:
    """What this very operation takes: a quarter more or less than estimated. A scripted failure shows half-way."""
    jitter = random.Random(operation_id).uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    return estimate_s * jitter * (0.5 if fails else 1)


def left_s(operation_id: int, estimate_s: float, started: datetime | None, *, fails: bool = False) -> float:
    """Seconds until an operation that was begun then is done; 0 or less when it is."""
    if not estimate_s or started is None:
        return 0.0
    gone = (datetime.now(UTC) - started).total_seconds()
    return duration_s(operation_id, estimate_s, fails=fails) - gone
