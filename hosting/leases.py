"""A claim lives by a lease: its worker renews it, and a worker that has died loses it within seconds.

A worker claims a row by an UPDATE that also sets `claimed_until`, and makes its call inside `kept`, which renews the
lease however long the call takes. A worker that stands still loses its claim as one that has died. When it goes on it
still writes what it knows, where the row can take that.

All times are the database's: the clocks of two machines with workers may differ by more than a lease.

Decision: docs/decisions/0034-claims-live-by-a-lease.md
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

log = logging.getLogger(__name__)

# A lease is renewed so many times before it would lapse.
_RENEWALS = 3
# Seconds between two tries to renew while the database is away.
_RETRY_S = 0.5


def until(seconds: float | None = None) -> Combinable:
    """The value of `claimed_until` for a claim from now on: for the length of a lease, or for so many seconds."""
    return Now() + timedelta(seconds=settings.LEASE_S if seconds is None else seconds)


def free() -> Q:
    """Rows that nobody has claimed, or whose lease has lapsed."""
    return Q(claimed_until=None) | lapsed()


def lapsed() -> Q:
    """Rows whose lease was not renewed in time."""
    return Q(claimed_until__lte=Now())


def longest_silence() -> timedelta:
    """How long the database may be away, or all processes stand still, before leases lapse that nobody could renew."""
    return timedelta(seconds=settings.LEASE_S / _RENEWALS)


@contextmanager
def kept(claim: QuerySet[Any]) -> Iterator[None]:
    """Renew the lease of a claimed row while the block runs. `claim` must find the row only while nobody else has it.
    A row whose `claimed_until` is None is not claimed any more.
    """
    over = threading.Event()
    rows = claim.filter(claimed_until__isnull=False)
    threading.Thread(target=_renew, args=(rows, over), name="renews a lease", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _renew(rows: QuerySet[Any], over: threading.Event) -> None:
    regular_s = settings.LEASE_S / _RENEWALS
    pause_s = regular_s
    while not over.wait(pause_s):
        try:
            rows.update(claimed_until=until())
            pause_s = regular_s
        except Error as error:
            log.warning("A lease could not be renewed (%s); trying again", type(error).__name__)
            pause_s = min(_RETRY_S, regular_s)
        finally:
            # It is needed again in a few seconds at the earliest.
            connection.close()
