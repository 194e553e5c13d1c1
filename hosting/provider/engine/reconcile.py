"""Compares what hosts show with what the rows say, every five seconds, by one call a host.

A guest may power itself off, crash, or lose its host; staff may pause it. Rows with an open operation are left alone,
and so are those on which one ended after the host was asked: what it showed may be older.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hosting.provider.drivers.base import HostAway, Observed
from hosting.provider.engine import alerts, power, run, specs
from hosting.provider.engine.driver import driver
from hosting.provider.engine.lanes import Step
from hosting.provider.engine.verdicts import Verdict, verdict
from hosting.provider.models import Alert, Host, Operation, Vm
from hosting.provider.rules import capacity

log = logging.getLogger(__name__)

EVERY_S = 5.0
# Looking takes this part of the time at most: a host with very many guests is looked at less often, up to a bound.
_SHARE_OF_TIME = 0.1
_PAUSE_MAX_S = 30.0
# Another worker may look when this one has not come back by then.
_CLAIM = timedelta(seconds=15)
# The clocks of two machines may differ by so much.
_CLOCKS = timedelta(seconds=2)

_Kind = Alert.Kind
_next_check = [0.0]


def watch_hosts() -> None:
    """Have each host looked at that is due, in a lane of its own: steps that block don't keep it from being watched."""
    now = time.monotonic()
    if now < _next_check[0]:
        return
    _next_check[0] = now + 1.0
    for host_id in Host.objects.filter(_due()).values_list("pk", flat=True):
        key = ("watch", host_id)
        run.lanes().offer(key, [Step(key, partial(look, host_id))])


def _due() -> Q:
    return Q(observe_after=None) | Q(observe_after__lte=Now())


def look(host_id: int) -> None:
    """Ask a host for its guests and act upon what it shows, unless another worker does."""
    rows = Host.objects.filter(pk=host_id)
    if not rows.filter(_due()).update(observe_after=Now() + _CLAIM):
        return
    began = time.monotonic()
    answered = False
    try:
        answered = _look(rows.get())
    finally:
        # A silent host is asked again soon: what its guests did meanwhile shows with its first answer.
        took_s = time.monotonic() - began if answered else 0.0
        pause_s = min(max(EVERY_S, took_s / _SHARE_OF_TIME), _PAUSE_MAX_S)
        rows.update(observe_after=Now() + timedelta(seconds=pause_s))


def _look(host: Host) -> bool:
    """Whether the host answered."""
    since = timezone.now() - _CLOCKS
    ref = specs.host_ref(host)
    try:
        guests = driver().observe(ref)
        if None in {host.cores, host.memory_mb, host.pool_mb}:
            has = driver().capacity(ref)
            Host.objects.filter(pk=host.pk).update(cores=has.cores, memory_mb=has.memory_mb, pool_mb=has.pool_mb)
    except HostAway as silence:
        Host.objects.filter(pk=host.pk, state=Host.State.ACTIVE).update(state=Host.State.AWAY)
        alerts.tell(_Kind.HOST_AWAY, host.name, f"host {host.name} does not answer: {silence}", host=host)
        return False
    if host.state == Host.State.AWAY:
        Host.objects.filter(pk=host.pk, state=Host.State.AWAY).update(state=Host.State.ACTIVE)
    known = _compare(host, guests, since)
    _settle_alerts(host, guests, known)
    return True


def _compare(host: Host, guests: Mapping[UUID, Observed], since: datetime) -> set[UUID]:
    """Act upon each VM that differs from its guest. Returns the guests that rows know."""
    busy = set(Operation.objects.filter(state__in=Operation.OPEN, vm__host=host).values_list("vm_id", flat=True))
    live = Q(state__in=capacity.VM_LIVE) | Q(date_updated__gte=since)
    columns = ("pk", "state", "wanted", "made", "date_updated", "date_failed")
    known: set[UUID] = set()
    differing: dict[int, tuple[Verdict, Observed | None]] = {}
    for pk, state, wanted, made, updated, failed in Vm.objects.filter(live, host=host).values_list(*columns):
        uuid = specs.guest_uuid(pk)
        known.add(uuid)
        is_settled = pk not in busy and updated < since and (failed is None or failed < since)
        if made and is_settled and state in capacity.VM_LIVE:
            found = verdict(state, wanted, guests.get(uuid))
            if found != Verdict.NOTHING:
                differing[pk] = found, guests.get(uuid)
    for vm in Vm.objects.filter(pk__in=differing).select_related("host"):
        _act(vm, *differing[vm.pk], since)
    return known


def _act(vm: Vm, found: Verdict, guest: Observed | None, since: datetime) -> None:
    match found:
        case Verdict.HALTED:
            power.move(vm, since, state=Vm.State.HALTED, wanted=Vm.Wanted.HALTED)
        case Verdict.RUNS:
            power.move(vm, since, state=Vm.State.RUNNING, wanted=Vm.Wanted.RUNNING)
        case Verdict.MISSING:
            if power.move(vm, since, state=Vm.State.LOCKED):
                text = f"VM {vm.pk} is not on its host {vm.host}; it was locked"
                alerts.tell(_Kind.GUEST_MISSING, vm.pk, text, host=vm.host, vm=vm)
        case Verdict.STOPPED:
            if power.move(vm, since, state=Vm.State.PAUSED):
                text = f"VM {vm.pk} was paused by its host {vm.host}: {guest.reason if guest else ''}"
                alerts.tell(_Kind.GUEST_STOPPED, vm.pk, text, host=vm.host, vm=vm)
        case Verdict.START:
            _in_lane(vm, partial(power.start_again, vm, since))
        case Verdict.PAUSE:
            _in_lane(vm, partial(power.turn, vm, "paused"))
        case Verdict.RESUME:
            _in_lane(vm, partial(power.turn, vm, "running"))


def _in_lane(vm: Vm, take: Callable[[], object]) -> None:
    """Beside the host's operations, several at a time: after a power cut all of its guests start."""
    run.lanes().offer(vm.host_id, [Step(("power", vm.pk), take)])


def _settle_alerts(host: Host, guests: Mapping[UUID, Observed], known: set[UUID]) -> None:
    """End the alerts of a host that have settled themselves, and tell staff of guests that belong to no VM: these are
    shown, and never deleted.
    """
    told: dict[str, set[str]] = defaultdict(set)
    for kind, about in Alert.objects.filter(host=host, date_ended=None).values_list("kind", "about"):
        told[kind].add(about)
    unknown = {str(uuid) for uuid in guests.keys() - known}
    for uuid in unknown - told[_Kind.GUEST_UNKNOWN]:
        alerts.tell(_Kind.GUEST_UNKNOWN, uuid, f"guest {uuid} on host {host.name} belongs to no VM", host=host)
    alerts.end(_Kind.GUEST_UNKNOWN, told[_Kind.GUEST_UNKNOWN] - unknown)
    # Its VM stays locked until staff have looked at it.
    missing = told[_Kind.GUEST_MISSING]
    alerts.end(_Kind.GUEST_MISSING, {vm_id for vm_id in missing if specs.guest_uuid(int(vm_id)) in guests})
    alerts.end(_Kind.HOST_AWAY, told[_Kind.HOST_AWAY])
