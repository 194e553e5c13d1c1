"""Samples what the guests of each host use, once a minute, by one call a host.

A host is asked in a lane of its own: one that does not answer keeps neither operations nor other hosts waiting. Minutes
in which it did not answer are gaps.
"""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hosting.provider.drivers.base import HostAway
from hosting.provider.engine import run, specs
from hosting.provider.engine.driver import driver
from hosting.provider.engine.lanes import Step
from hosting.provider.models import Host, UsageSample, Vm
from hosting.provider.rules import capacity
from hosting.provider.rules.usage import KEPT

# The most rows that are deleted at a time.
_FORGOTTEN_AT_ONCE = 5_000
# Seconds of each minute in which hosts are asked, spread over them. Apart from its ends, so that each sample falls into
# a minute of its own even if it is late, or another worker's clock is.
_WITHIN_S = (5, 45)

_next_check = [0.0]


def sample_due() -> None:
    """Have each host asked that is due."""
    now = time.monotonic()
    if now < _next_check[0]:
        return
    _next_check[0] = now + 2.0
    for host_id in Host.objects.filter(_due()).values_list("pk", flat=True):
        key = ("usage", host_id)
        run.lanes().offer(key, [Step(key, partial(sample, host_id))])


def _due() -> Q:
    return Q(usage_after=None) | Q(usage_after__lte=Now())


def sample(host_id: int) -> None:
    """Ask a host what its guests use and store that, unless another worker does."""
    rows = Host.objects.filter(pk=host_id)
    if not rows.filter(_due()).update(usage_after=_next(host_id, timezone.now())):
        return
    try:
        store(rows.get())
    except HostAway:
        return  # it is asked again in the next minute, and `reconcile` tells staff
    finally:
        forget_old()


def _next(host_id: int, now: datetime) -> datetime:
    """The moment of the next minute at which this host is asked."""
    first, last = _WITHIN_S
    second = first + host_id * 7 % (last - first)
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1, seconds=second)


def store(host: Host) -> None:
    """Ask a host what its guests use, and store a sample of each in one statement.

    Raises:
        HostAway: it does not answer.
    """
    usages = driver().usage(specs.host_ref(host))
    at = timezone.now()
    minute = minute_of(at)
    made = Vm.objects.filter(host=host, made=True, state__in=capacity.VM_LIVE).values_list("pk", flat=True)
    UsageSample.objects.bulk_create(
        [
            UsageSample(vm_id=vm_id, minute=minute, at=at, **vars(usage))
            for vm_id in made
            if (usage := usages.get(specs.guest_uuid(vm_id)))
        ],
        ignore_conflicts=True,
    )


def minute_of(at: datetime) -> int:
    """The minutes since 1970."""
    return int(at.astimezone(UTC).timestamp()) // 60


def forget_old() -> None:
    """Delete some of the samples that are older than what is kept: as many as come in a while, or more."""
    old = UsageSample.objects.filter(minute__lt=minute_of(timezone.now() - KEPT)).order_by("minute")
    with transaction.atomic():
        # Lanes of other hosts delete too, and none waits for another.
        free = old.select_for_update(skip_locked=True).values("pk")
        UsageSample.objects.filter(pk__in=free[:_FORGOTTEN_AT_ONCE]).delete()
