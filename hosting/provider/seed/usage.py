"""What the guests of the demonstration have used in the last 48 hours, as if the provider had run all the time."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from hosting.provider.drivers.base import Usage
from hosting.provider.drivers.simulated_guests import GuestTable
from hosting.provider.drivers.simulated_usage import usage_of
from hosting.provider.engine import simulation, specs
from hosting.provider.models import UsageSample, Vm
from hosting.provider.rules.usage import KEPT

_MINUTE_S = 60


def seed_usage() -> None:
    """Add a sample a minute of each running guest of the simulated host."""
    host = simulation.host()
    guests = GuestTable().of(host.pk)
    # The engine takes those of the minutes from now on.
    end = int(timezone.now().timestamp()) // _MINUTE_S
    minutes = range(end - int(KEPT / timedelta(minutes=1)), end)
    found = []
    for vm_id in Vm.objects.filter(host=host, state=Vm.State.RUNNING).values_list("pk", flat=True):
        uuid = specs.guest_uuid(vm_id)
        found += [_sample(vm_id, minute, usage_of(uuid, guests[uuid], minute * _MINUTE_S)) for minute in minutes]
    UsageSample.objects.bulk_create(found, batch_size=5_000)


def _sample(vm_id: int, minute: int, usage: Usage) -> UsageSample:
    at = datetime.fromtimestamp(minute * _MINUTE_S, UTC)
    return UsageSample(vm_id=vm_id, minute=minute, at=at, **vars(usage))
