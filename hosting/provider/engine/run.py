"""Finds what is due and hands it to the lanes of hosts: PENDING -> RUN -> DONE or ERROR.

The rows are the truth. Any number of workers can run this at once: whoever takes a step claims it first. A worker that
dies leaves nothing behind that the next one does not find. Operations on one VM, disk or product run one after another
in the order of their ids; all others run beside each other.
"""

import logging
import threading
from collections import defaultdict
from functools import cache, partial

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from hosting.provider.engine import leases, steps
from hosting.provider.engine.lanes import Lanes, Step
from hosting.provider.models import Operation

log = logging.getLogger(__name__)

_running = threading.Lock()
_wanted = threading.Event()


@cache
def lanes() -> Lanes:
    """The lanes of this process."""
    return Lanes(settings.PROVIDER_HOST_THREADS, run_due)


def run_due() -> None:
    """Put everything that is due in line, in one thread of the process. A call meanwhile has it look again."""
    _wanted.set()
    while _wanted.is_set() and _running.acquire(blocking=False):
        try:
            _wanted.clear()
            _offer()
        finally:
            _running.release()


def _offer() -> None:
    found: dict[int | None, list[tuple[int, Step]]] = defaultdict(list)
    for rows, take in ((_due(), steps.go_on), (_ready(), steps.begin)):
        for pk, host_id in rows.values_list("pk", Coalesce("vm__host_id", "disk__host_id")):
            found[host_id].append((pk, Step(pk, partial(take, pk))))
    for host_id, line in found.items():
        lanes().offer(host_id, (step for _, step in sorted(line, key=lambda entry: entry[0])))


def _due() -> QuerySet[Operation]:
    """Running operations whose next step is due, and that nobody is at."""
    now = timezone.now()
    return Operation.objects.filter(leases.free(), state=Operation.State.RUN, date_due__lte=now).order_by("pk")


def _ready() -> QuerySet[Operation]:
    """Pending operations that nothing open on the same object precedes."""
    earlier = Operation.objects.filter(state__in=Operation.OPEN, pk__lt=OuterRef("pk"))
    first_on = (~Exists(earlier.filter(**{name: OuterRef(name)})) for name in ("vm_id", "disk_id", "product_id"))
    return Operation.objects.filter(leases.not_held(), *first_on, state=Operation.State.PENDING).order_by("pk")
