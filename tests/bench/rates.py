"""How near a first import comes to what is possible: to a client that keeps nothing, and to the API's rate limit."""

from functools import partial

from django.test import override_settings

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.operations import rounds
from hosting.teams.models import Membership
from tests.bench import fleet, naive
from tests.bench.report import Figure, at_least, require
from tests.bench.scratch import NAIVE, OURS, Remote
from tests.bench.timing import Times, timed

LIMIT, WINDOW_S = 30, 2.0
_THREADS = 16


def _import(remote: Remote, handle: str, owner: Membership, vms: int) -> tuple[float, int]:
    """The seconds and calls of a first import; the session is open before."""
    Account.objects.filter(handle=handle).delete()
    account = fleet.account(remote.provider, handle, owner)
    client_for(account, Priority.MIRROR)
    before = remote.calls(OURS)
    seconds, _ = timed(partial(rounds.round_of, account))
    calls = remote.calls(OURS) - before
    account.refresh_from_db()
    require(account.mirrored_at is not None, "the round did not end well")
    require(account.vm_set.count() == account.disk_set.count() == vms, "the import left something out")
    return seconds, calls


def measure_bare(remote: Remote, handle: str, owner: Membership, vms: int, repeat: int) -> Figure:
    """Objects a second of the first import, against sixteen threads of the standard library that keep nothing."""
    apis = [fleet.naive_client(remote.provider, handle) for _ in range(_THREADS)]
    ours_s, bare_s, calls = [], [], []
    for _ in range(repeat):
        before = remote.calls(NAIVE)
        seconds, asked = timed(partial(naive.everything_in_parallel, apis))
        bare_s.append(seconds)
        require(remote.calls(NAIVE) - before == asked, "the bare client made other calls than it was to make")
        seconds, made = _import(remote, handle, owner, vms)
        ours_s.append(seconds)
        calls.append(made)
        require(made == asked, f"ours made {made} calls and the bare client {asked}")
    ours, bare = calls[0] / Times(ours_s).median_s, calls[0] / Times(bare_s).median_s
    return Figure(
        f"first import of {vms:,} servers, beside {_THREADS} threads that keep nothing",
        "calls/s",
        ours,
        bare,
        f"{ours / bare:.0%} of its rate; {calls[0]:,} calls each",
        higher_is_better=True,
        target=at_least(80, 100 * ours / bare, "% of its rate"),
    )


def measure_limited(remote: Remote, handle: str, owner: Membership, vms: int) -> Figure:
    """Calls a second of the first import when both sides keep the API's limit, and how many were refused."""
    remote.set_web(PROVIDER_RATE_LIMIT=str(LIMIT))
    refused = remote.calls(OURS, " 429")
    with override_settings(API_RATE_LIMIT=LIMIT):
        seconds, calls = _import(remote, handle, owner, vms)
    refused = remote.calls(OURS, " 429") - refused
    remote.set_web(PROVIDER_RATE_LIMIT="0")
    allowed = LIMIT / WINDOW_S
    rate = (calls - refused) / seconds
    return Figure(
        f"first import at the limit of {LIMIT} calls in {WINDOW_S:g} s",
        "calls/s",
        rate,
        allowed,
        f"naive: all that is allowed; {calls} calls, {refused} of them refused (429)",
        higher_is_better=True,
        target=at_least(95, 100 * rate / allowed, "% of the limit"),
        more={"calls": calls, "refused": refused},
    )
