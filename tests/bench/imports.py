"""Reading an account: the first time, and again when nothing has moved."""

from functools import partial

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.inventory.models import Disk, Vm
from hosting.operations import rounds
from hosting.teams.models import Membership
from tests.bench import fleet, naive
from tests.bench.report import Figure, at_least, require
from tests.bench.scratch import NAIVE, OURS, Remote
from tests.bench.timing import Times, timed


def measure(remote: Remote, handle: str, owner: Membership, vms: int, latency_ms: int, repeat: int) -> list[Figure]:
    """Time and calls of the first import of `vms` servers with as many disks, and of a round when nothing moved.

    Ours reads and writes its mirror; the naive script reads every object and keeps the answers in memory. It knows no
    other way to see whether anything has moved than reading everything again. Both have their session open before.
    With a latency the naive script runs once: its many calls, one after another, are repetitions enough.
    """
    api = fleet.naive_client(remote.provider, handle)
    first_s, first_calls, idle_s, idle_calls, naive_s, naive_calls = [], [], [], [], [], []
    for turn in range(repeat):
        if turn == 0 or not latency_ms:
            before = remote.calls(NAIVE)
            seconds, read = timed(partial(naive.everything, api))
            naive_s.append(seconds)
            naive_calls.append(remote.calls(NAIVE) - before)

        Account.objects.filter(handle=handle).delete()
        account = fleet.account(remote.provider, handle, owner)
        client_for(account, Priority.MIRROR)
        before = remote.calls(OURS)
        first_s.append(timed(partial(rounds.round_of, account))[0])
        first_calls.append((after := remote.calls(OURS)) - before)
        _require_same(account, *read, vms)

        account.refresh_from_db()
        idle_s.append(timed(partial(rounds.round_of, account))[0])
        idle_calls.append(remote.calls(OURS) - after)
        _require_same(account, *read, vms)
    for counts in (naive_calls, first_calls, idle_calls):
        require(len({*counts}) == 1, f"the same work took different numbers of calls: {counts}")
    with_latency = f", {latency_ms} ms at the provider"
    ratio = Times(naive_s).median_s / Times(first_s).median_s
    figures = [
        Figure(
            f"first import of {vms:,} servers and disks{with_latency}",
            "s",
            Times(first_s).median_s,
            Times(naive_s).median_s,
            f"{first_calls[0]:,} calls against {naive_calls[0]:,}",
            target=at_least(10 if latency_ms else 1.5, ratio, "x"),
            more={"calls": first_calls[0], "naive_calls": naive_calls[0]},
        ),
        Figure(
            f"round when nothing moved, {vms:,} servers{with_latency}",
            "ms",
            Times(idle_s).median_ms,
            Times(naive_s).median_ms,
            "naive: everything again",
        ),
    ]
    if not latency_ms:
        figures.append(Figure(f"round when nothing moved, {vms:,} servers", "calls", idle_calls[0], naive_calls[0]))
    return figures


def _require_same(account: Account, vms: list[naive.Row], disks: list[naive.Row], count: int) -> None:
    """The mirror holds what the provider told the naive script, and that is the whole fleet."""
    require(len(vms) == len(disks) == count, f"the naive script read {len(vms)} servers and {len(disks)} disks")
    require(
        sorted((vm["id"], vm["hostname"], vm["state"], vm["memory"]) for vm in vms)
        == sorted(Vm.objects.filter(account=account).values_list("remote_id", "hostname", "state", "memory_mb")),
        "the mirror's servers are not the provider's",
    )
    require(
        sorted((disk["id"], disk["name"], disk["state"], disk["size"]) for disk in disks)
        == sorted(Disk.objects.filter(account=account).values_list("remote_id", "name", "state", "size_mb")),
        "the mirror's disks are not the provider's",
    )
    account.refresh_from_db()
    require(account.mirrored_at is not None, "the round did not end well")
