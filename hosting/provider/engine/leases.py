"""One runner for an operation: whoever takes its next step holds a lease on its row.

The claim is a conditional UPDATE that writes a token of its own. A thread of the process renews the leases of all calls
that are under way, however long they block; when the process dies or stands still, they run out, and another worker
takes over. The fence tells a runner that this has happened to it, before it changes anything on a host.

All times of leases are the database's: the clocks of two machines may differ by more than a lease.
"""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import Error, connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from hosting.provider.models import Operation, Vm

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=10)
RENEWED_EVERY_S = 3.0
# Seconds between two tries to renew while the database is away.
_RETRY_S = 0.5


class LeaseLostError(Exception):
    """Another worker has taken over the operation, or it has ended."""


@dataclass(frozen=True)
class Lease:
    """A claim of an operation by one step of one worker."""

    operation_id: int
    runner: str = field(default_factory=lambda: uuid.uuid4().hex)

    def rows(self) -> QuerySet[Operation]:
        """The operation, as long as nobody else has taken it over."""
        return Operation.objects.filter(pk=self.operation_id, runner=self.runner, state=Operation.State.RUN)

    def fence(self) -> None:
        """Raises LeaseLostError unless the lease holds. To be called before each change on a host."""
        if not self.rows().filter(lease_until__gt=Now()).exists():
            raise LeaseLostError(self.operation_id)


def until() -> Now:
    """The value of `lease_until` for a lease from now on."""
    ends: Now = Now() + LEASE  # type: ignore[assignment]
    return ends


def free() -> Q:
    """Operations that nobody is carrying out at the moment."""
    return Q(lease_until=None) | Q(lease_until__lte=Now())


def not_held() -> Q:
    """Operations on no VM that the engine is just starting, pausing or resuming (`engine.power`)."""
    return Q(~Exists(Vm.objects.filter(pk=OuterRef("vm_id"), held_until__gt=Now())))


def take(operation_id: int) -> Lease | None:
    """Claim the next step of a running operation; None when it is not due, or somebody else is at it."""
    lease = Lease(operation_id)
    due = Operation.objects.filter(free(), pk=operation_id, state=Operation.State.RUN, date_due__lte=timezone.now())
    return lease if due.update(runner=lease.runner, lease_until=until()) else None


_held: dict[str, Lease] = {}
_any = threading.Condition()
_renewer: list[threading.Thread] = []


@contextmanager
def kept(lease: Lease) -> Iterator[None]:
    """Renew the lease while the block runs."""
    with _any:
        _held[lease.runner] = lease
        if not _renewer:
            _renewer.append(threading.Thread(target=_renew_all, name="renews leases", daemon=True))
            _renewer[0].start()
        _any.notify()
    try:
        yield
    finally:
        with _any:
            del _held[lease.runner]


def _renew_all() -> None:
    """Renew what is held, every three seconds; without anything to renew, sleep."""
    pause_s = RENEWED_EVERY_S
    while True:
        with _any:
            _any.wait_for(lambda: bool(_held))
        threading.Event().wait(pause_s)
        with _any:
            held = list(_held.values())
        try:
            if held:
                _rows(held).update(lease_until=until())
            pause_s = RENEWED_EVERY_S
        except Error as error:
            log.warning("leases could not be renewed (%s); trying again", type(error).__name__)
            pause_s = _RETRY_S
        finally:
            # It is needed again in a few seconds at the earliest.
            connection.close()


def _rows(held: list[Lease]) -> QuerySet[Operation]:
    """Those of the operations whose leases were not taken over. Tokens are used once: both lists can be mixed."""
    return Operation.objects.filter(
        pk__in=[lease.operation_id for lease in held],
        runner__in=[lease.runner for lease in held],
        state=Operation.State.RUN,
    )
