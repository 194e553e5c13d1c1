"""Following many operations at once, by the real processes: what it costs in calls."""

import time
from concurrent.futures import ThreadPoolExecutor

from hosting.accounts.models import Account
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import OPEN, State
from hosting.teams.models import Membership
from tests.bench import fleet, naive
from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import NAIVE, OURS, Remote
from tests.bench.timing import wait_until

_LIMIT_S = 120.0
_WINDOW_S = 60.0
# What following may cost beside what ends: a call a second.
_TICK_S = 1.0
# Reboots take 19 to 31 s at speed 1; so slow, they begin to end when all were sent, and most do within the minute.
_LONG_SPEED = 2.2


def measure(remote: Remote, account: Account, owner: Membership, naive_handle: str, count: int) -> Figure:
    """Calls for each of `count` reboots asked for at once, their sending included; both sides at the same time.

    Ours counts all that the panel does meanwhile: it reads servers, disks and capacity again after each outcome, and
    looks over the whole account. The naive way only learns states.
    """
    api = fleet.naive_client(remote.provider, naive_handle)
    before = remote.calls(OURS), remote.calls(NAIVE)
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(
            lambda: naive.poll(api, [api.vm_reboot(vm_id) for vm_id in api.vm_list()[:count]], _LIMIT_S)
        )
        wanted = _reboot(account, owner, count)
        require(wait_until(lambda: not _open(wanted), _LIMIT_S), f"operations are still open after {_LIMIT_S:g} s")
        seen = polling.result()
    require([state for state, _ in seen.values()] == ["DONE"] * count, "an operation of the naive script failed")
    require(_count(wanted, State.DONE) == count, "an operation did not end well")
    ours, theirs = remote.calls(OURS) - before[0], remote.calls(NAIVE) - before[1]
    return Figure(
        f"calls for a finished operation, {count} open",
        "calls",
        ours / count,
        theirs / count,
        f"{ours} against {theirs}; naive asks each every {naive.POLL_S:g} s",
        more={"calls": ours, "naive_calls": theirs},
    )


def measure_many(remote: Remote, account: Account, owner: Membership, count: int) -> Figure:
    """Calls in a minute with `count` open, from when all were sent; the naive way polls each of them."""
    remote.set_speed(_LONG_SPEED)
    wanted = _reboot(account, owner, count)
    waiting = Operation.objects.filter(pk__in=wanted, state__in=(State.WAITING, State.SENDING, State.ANSWERED))
    require(wait_until(lambda: not waiting.exists(), _LIMIT_S), "not all operations were sent")
    still_open = _open(wanted)
    before, began = remote.calls(OURS), time.monotonic()
    time.sleep(_WINDOW_S)
    calls, seconds = remote.calls(OURS) - before, time.monotonic() - began
    finished = still_open - _open(wanted)
    # What is left ends at once, and must end well.
    remote.set_speed(0.01)
    require(wait_until(lambda: not _open(wanted), _LIMIT_S), f"operations are still open after {_LIMIT_S:g} s")
    require(_count(wanted, State.DONE) == count, "an operation did not end well")
    remote.set_speed(1)
    ticks = seconds / _TICK_S
    polls = (still_open - finished / 2) * seconds / naive.POLL_S
    return Figure(
        f"calls in {_WINDOW_S:g} s with {still_open:,} open, of which {finished:,} finished",
        "calls",
        calls,
        polls,
        f"naive (reckoned): each open one every {naive.POLL_S:g} s",
        target=at_most(round(2 * finished + ticks), calls, "(2 for each finished, 1 a tick)"),
        more={"open": still_open, "finished": finished, "ticks": ticks},
    )


def _reboot(account: Account, owner: Membership, count: int) -> list[int]:
    vm_ids = account.vm_set.order_by("remote_id").values_list("remote_id", flat=True)[:count]
    return [submit(catalogue.RebootVm(vm_id), account=account, by=owner).pk for vm_id in vm_ids]


def _open(wanted: list[int]) -> int:
    return Operation.objects.filter(pk__in=wanted, state__in=OPEN).count()


def _count(wanted: list[int], state: State) -> int:
    return Operation.objects.filter(pk__in=wanted, state=state).count()
