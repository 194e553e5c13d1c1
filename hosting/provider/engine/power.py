"""Start, pause and resume guests beside operations: what crashed, and what staff paused or resumed.

While the engine does so, it holds the VM, and no operation on it begins. Both look for the other with the account
locked, so a guest that its owner stops is never started meanwhile.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from hosting.provider import news
from hosting.provider.drivers.base import CannotDo, HostAway
from hosting.provider.engine import alerts, specs
from hosting.provider.engine.driver import driver
from hosting.provider.models import ChangedObject, Operation, Vm

log = logging.getLogger(__name__)

# How long a host may take to start a guest before operations on it begin all the same.
_HOLD = timedelta(seconds=60)
RESTARTS_MAX = 3
RESTARTS_WINDOW = timedelta(minutes=10)


def move(vm: Vm, since: datetime, **changes: object) -> bool:
    """Write what a VM has become by itself, unless an operation on it is open or has ended since then."""
    now = timezone.now()
    with transaction.atomic():
        news.lock(vm.account_id)
        untouched = Vm.objects.filter(Q(date_failed=None) | Q(date_failed__lt=since), pk=vm.pk, state=vm.state)
        if _has_open(vm) or not untouched.filter(date_updated__lt=since).update(date_updated=now, **changes):
            return False
        # A state decides what is used of the account's capacity.
        news.note(vm.account_id, [(ChangedObject.Type.VM, vm.pk), (ChangedObject.Type.ACCOUNT, vm.account_id)])
    log.warning("VM %s was %s: %s", vm.pk, vm.state, changes)
    return True


def start_again(vm: Vm, since: datetime) -> None:
    """Start a guest that crashed: three times in ten minutes, then it stays halted and staff are told."""
    now = timezone.now()
    if vm.restarts_since is None or vm.restarts_since < now - RESTARTS_WINDOW:
        vm.restarts, vm.restarts_since = 0, now
    if vm.restarts >= RESTARTS_MAX:
        if move(vm, since, state=Vm.State.HALTED, wanted=Vm.Wanted.HALTED, restarts=0):
            text = f"VM {vm.pk} crashed {RESTARTS_MAX + 1} times in ten minutes and was not started again"
            alerts.tell(alerts.Kind.GUEST_CRASHES, vm.pk, text, host=vm.host, vm=vm)
        return
    log.warning("VM %s crashed: starting it again", vm.pk)
    if turn(vm, "running"):
        Vm.objects.filter(pk=vm.pk).update(restarts=vm.restarts + 1, restarts_since=vm.restarts_since)


def turn(vm: Vm, to: Literal["running", "paused"]) -> bool:
    """Have the guest run or stand still, as long as its row stays in this state and no operation begins. False when
    nothing was tried.
    """
    if vm.host is None:
        return False
    with _held(vm) as is_held:
        if not is_held:
            return False
        try:
            driver().power(specs.host_ref(vm.host), specs.guest_uuid(vm.pk), to)
        except HostAway as silence:
            log.warning("VM %s: host %s does not answer: %s", vm.pk, vm.host, silence)
            return False
        except CannotDo as answer:
            log.warning("VM %s cannot be %s: %s", vm.pk, to, answer)
        except Exception:
            log.exception("VM %s: the driver failed", vm.pk)
    return True


@contextmanager
def _held(vm: Vm) -> Iterator[bool]:
    """Keep operations on a VM from beginning while the block runs; False when one is open, or its state has changed."""
    rows = Vm.objects.filter(pk=vm.pk)
    with transaction.atomic():
        news.lock(vm.account_id)
        free = rows.filter(Q(held_until=None) | Q(held_until__lte=Now()), state=vm.state)
        is_held = not _has_open(vm) and bool(free.update(held_until=Now() + _HOLD))
    try:
        yield is_held
    finally:
        if is_held:
            rows.update(held_until=None)


def _has_open(vm: Vm) -> bool:
    return Operation.objects.filter(vm=vm, state__in=Operation.OPEN).exists()
