"""Following many operations at once, from their sending to their outcome."""

import time
from concurrent.futures import ThreadPoolExecutor

from hosting import jobs
from hosting.accounts.models import Account
from hosting.operations import kinds, rounds
from hosting.operations.models import Operation
from hosting.operations.states import State
from hosting.operations.submit import submit
from hosting.teams.models import Membership
from tests.bench import fleet, naive
from tests.bench.report import Figure, require
from tests.bench.scratch import NAIVE, OURS, Remote
from tests.engine import Engine

# As beat has it (CELERY_BEAT_SCHEDULE).
_SWEEP_S = 1.0
_LIMIT_S = 120.0


def measure(remote: Remote, account: Account, owner: Membership, naive_handle: str, count: int) -> Figure:
    """Calls for each of `count` reboots asked for at once, their sending included; both sides at the same time.

    Each takes 19 to 31 s at the provider. Ours counts all that the panel does meanwhile: it reads servers, disks,
    products and balance again after each outcome, and looks over the whole account. The naive way only learns states.
    """
    api = fleet.naive_client(remote.provider, naive_handle)
    before = remote.calls(OURS), remote.calls(NAIVE)
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(
            lambda: naive.poll(api, [api.vm_reboot(vm_id) for vm_id in api.vm_list()[:count]], _LIMIT_S)
        )
        operations = _carried_out(account, owner, count)
        states = polling.result()
    require(list(states.values()) == ["DONE"] * count, "an operation of the naive script did not end well")
    require([operation.state for operation in operations] == [State.DONE] * count, "an operation did not end well")
    ours, theirs = remote.calls(OURS) - before[0], remote.calls(NAIVE) - before[1]
    return Figure(
        f"calls for a finished operation, {count} open",
        "calls",
        ours / count,
        theirs / count,
        f"{ours} against {theirs}; naive asks each every {naive.POLL_S:g} s",
        more={"calls": ours, "naive_calls": theirs},
    )


def _carried_out(account: Account, owner: Membership, count: int) -> list[Operation]:
    """The reboots of the account's first servers, followed as beat and a worker do until all have ended."""
    engine, send = Engine(), jobs._send
    jobs._send = lambda job, arguments: engine.queue.append((job, arguments))
    try:
        vm_ids = account.vm_set.order_by("remote_id").values_list("remote_id", flat=True)[:count]
        wanted = [submit(kinds.RebootVm(vm_id), account=account, by=owner).pk for vm_id in vm_ids]
        deadline = time.monotonic() + _LIMIT_S
        while True:
            next_sweep = time.monotonic() + _SWEEP_S
            engine.drain()
            rounds.sweep()
            engine.drain()
            operations = list(Operation.objects.filter(pk__in=wanted))
            if not any(operation.is_open for operation in operations):
                return operations
            require(time.monotonic() < deadline, f"operations are still open after {_LIMIT_S:g} s")
            time.sleep(max(0.0, next_sweep - time.monotonic()))
    finally:
        jobs._send = send
