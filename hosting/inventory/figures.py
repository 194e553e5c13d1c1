"""What servers use: the samples that the provider has, as last read. Pages show these, and ask for newer ones.

Decision: docs/decisions/0043-figures-are-read-while-somebody-looks.md
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.api import VM_STATS
from hosting.inventory import refresh
from hosting.inventory.models import Vm, VmFigures

# As the provider keeps them: averages over a minute, for 48 hours.
STEP = timedelta(minutes=1)
KEPT = timedelta(hours=48)
# Older ones are read again when somebody looks.
STALE_AFTER = timedelta(minutes=1)


class Sample(NamedTuple):
    """What a server has used in a minute. `at`: its beginning, in seconds since 1970. `cpu_percent`: of one core."""

    at: int
    cpu_percent: float
    memory_mb: float
    disk_read_bps: float
    disk_written_bps: float
    net_in_bps: float
    net_out_bps: float


def are_offered(account: Account) -> bool:
    """Whether the account's endpoint has figures of servers."""
    return extensions.has(account.endpoint, VM_STATS)


def stored(vm: Vm) -> VmFigures | None:
    """What was read of a server; None before that. No query when `figures` is selected with it."""
    found: VmFigures | None = getattr(vm, "figures", None)
    return found


def request(vm: Vm) -> None:
    """Request newer figures of a server, unless those that are stored are new enough or others have done so."""
    known = stored(vm)
    if known is None or known.read_at <= timezone.now() - STALE_AFTER:
        refresh.request_figures(vm, int(STALE_AFTER.total_seconds()))


def since(samples: list[list[float]], start: datetime) -> list[Sample]:
    """The stored samples from a moment on."""
    first = start.timestamp()
    return [Sample(int(at), *rest) for at, *rest in samples if at >= first]


def forget_old(account: Account, now: datetime) -> None:
    """Delete what nobody has looked at for so long that the provider has nothing of it either."""
    VmFigures.objects.filter(vm__account=account, read_at__lt=now - KEPT).delete()
