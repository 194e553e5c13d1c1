"""What the engine takes to sample the guests of a host, beside asking and writing guest by guest."""

from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import Remote

# A second for a hundred guests.
_LIMIT_MS = 10.0
_SAMPLE = """
import time
from hosting.provider.drivers.simulated_usage import usage_of
from hosting.provider.engine import simulation, specs, usage
from hosting.provider.engine.driver import driver
from hosting.provider.models import *

def both():
    host = simulation.host()
    rows = UsageSample.objects.all()
    rows.delete()
    began = time.perf_counter()
    usage.store(host)
    ours = time.perf_counter() - began
    count = rows.count()
    rows.delete()
    began = time.perf_counter()
    for vm in Vm.objects.filter(host=host, made=True):
        guest = SimulatedGuest.objects.get(uuid=specs.guest_uuid(vm.pk))
        now = usage.timezone.now()
        found = usage_of(guest.uuid, guest, now.timestamp())
        UsageSample.objects.update_or_create(
            vm=vm, minute=usage.minute_of(now), defaults={{"at": now, **vars(found)}}
        )
    print(count, ours, time.perf_counter() - began)

for _ in range({repeat}):
    both()
"""


def measure(remote: Remote, repeat: int) -> Figure:
    """Milliseconds for one sample of every guest of the simulated host."""
    runs = [line.split() for line in remote.provider.shell(_SAMPLE.format(repeat=repeat)).splitlines()]
    count = int(runs[0][0])
    ours, naive = (sorted(float(run[column]) for run in runs)[len(runs) // 2] for column in (1, 2))
    require(count >= 100, "not all guests were sampled")
    return Figure(
        f"sample of what {count:,} guests of a host use",
        "ms",
        ours * 1_000,
        naive * 1_000,
        "one call, and rows in bulk; naive: each by itself",
        target=at_most(_LIMIT_MS * count, ours * 1_000, "ms"),
    )
