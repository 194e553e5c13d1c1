"""What the provider's extensions save: each figure beside version 1 of the API alone."""

import time
import xmlrpc.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from hosting.accounts import store
from hosting.accounts.models import Account
from hosting.api import CHANGES
from hosting.inventory.models import Vm
from hosting.operations import rounds
from hosting.operations.listening import WAIT_S
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import OPEN, State
from hosting.teams.models import Membership
from tests.bench import fleet
from tests.bench.panel import Browser, running_panel
from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import OURS, Remote
from tests.bench.timing import Times, wait_until

_IDLE_S = 60.0
_CLICKS, _ELSEWHERE = 30, 10
_LIMIT_S = 60.0
_SPEED = 0.2
_HELD, _HELD_EACH, _CALLERS, _CALLS = 200, 8, 8, 400


def measure_import(remote: Remote, handle: str, owner: Membership, vms: int) -> Figure:
    """Calls of the first import of `vms` servers with as many disks, the login included."""
    calls = {}
    for extensions in (False, True):
        settings.API_EXTENSIONS = extensions
        Account.objects.filter(handle=handle).delete()
        account = fleet.account(remote.provider, handle, owner)
        store.connection().flushdb()
        before = remote.calls(OURS)
        rounds.round_of(account)
        calls[extensions] = remote.calls(OURS) - before
        require(Vm.objects.filter(account=account).count() == vms, "not all servers were imported")
    return Figure(
        f"first import of {vms:,} servers and disks",
        "calls",
        calls[True],
        calls[False],
        "login included; beside it, version 1 alone",
        target=at_most(20, calls[True], "calls"),
    )


def measure_processes(remote: Remote, handle: str, owner: Membership) -> list[Figure]:
    """The real processes, with the extensions and without: an idle account, outcomes, and changes made elsewhere."""
    remote.set_speed(_SPEED)
    found: dict[bool, _Run] = {}
    for extensions in (False, True):
        Account.objects.all().delete()
        account = fleet.account(remote.provider, handle, owner)
        with running_panel(API_EXTENSIONS=str(extensions)) as panel:
            imported = Account.objects.filter(pk=account.pk, details_at__isnull=False)
            require(wait_until(imported.exists, 180), "the processes did not import the account")
            if extensions:
                heard = Account.objects.filter(pk=account.pk, listening_until__isnull=False)
                require(wait_until(heard.exists, 30), "nobody listens")
            found[extensions] = _Run(remote, account, Browser(panel, owner), handle)
    ours, version_1 = found[True], found[False]
    return [
        Figure(
            f"calls of an idle account in {_IDLE_S:g} s",
            "calls",
            ours.idle_calls,
            version_1.idle_calls,
            f"each is held for {WAIT_S} s",
            target=at_most(_IDLE_S / WAIT_S + 1, ours.idle_calls, "calls"),
        ),
        Figure(
            "DONE to shown, p50", "ms", ours.shown.median_ms, version_1.shown.median_ms, "version 1 alone beside it"
        ),
        Figure(
            "DONE to shown, p95",
            "ms",
            ours.shown.p95_ms,
            version_1.shown.p95_ms,
            target=at_most(500, ours.shown.p95_ms, "ms"),
        ),
        Figure(
            "change made elsewhere to shown, slowest",
            "ms",
            1000 * max(ours.elsewhere.seconds),
            1000 * max(version_1.elsewhere.seconds),
            f"{_ELSEWHERE} servers stopped by another client",
            target=at_most(1000, 1000 * max(ours.elsewhere.seconds), "ms"),
        ),
    ]


class _Run:
    """What was measured with one kind of API. Elsewhere first: the panel's own operations would make it look sooner."""

    def __init__(self, remote: Remote, account: Account, browser: Browser, handle: str) -> None:
        before = remote.calls(OURS)
        time.sleep(_IDLE_S)
        self.idle_calls = remote.calls(OURS) - before
        running = Vm.objects.filter(account=account, state="running").order_by("remote_id")
        ids = list(running.values_list("remote_id", flat=True)[: _ELSEWHERE + _CLICKS])
        self.elsewhere = _elsewhere(remote, account, handle, ids[:_ELSEWHERE])
        self.shown = _outcomes(remote, account, browser, ids[_ELSEWHERE:])
        # As it was, for whoever measures next.
        api = fleet.naive_client(remote.provider, handle)
        started = [api.vm_start(vm_id) for vm_id in ids]
        require(wait_until(lambda: _all_done(remote, started), _LIMIT_S), "the servers did not start again")


def _elsewhere(remote: Remote, account: Account, handle: str, ids: list[int]) -> Times:
    api = fleet.naive_client(remote.provider, handle)
    seconds = []
    for vm_id in ids:
        number = api.vm_stop(vm_id)
        halted = Vm.objects.filter(account=account, remote_id=vm_id, state="halted")
        require(wait_until(halted.exists, _LIMIT_S, pause_s=0.01), "a change made elsewhere was not seen")
        seconds.append(time.time() - remote.operations(number - 1)[number].updated_at)
    return Times(seconds)


def _outcomes(remote: Remote, account: Account, browser: Browser, ids: list[int]) -> Times:
    last = max(remote.operations(), default=0)
    for vm_id in ids:
        browser.press(reverse("server_stop", args=[account.pk, vm_id]))
        time.sleep(0.3)
    asked = Operation.objects.filter(account=account, kind="vm_stop", vm_id__in=ids, origin=Operation.Origin.PANEL)
    require(wait_until(lambda: not asked.filter(state__in=OPEN).exists(), _LIMIT_S), "operations stay open")
    there = remote.operations(last)
    seconds = [
        each.finished_at.timestamp() - there[each.remote_id].updated_at
        for each in asked.filter(state=State.DONE)
        if each.finished_at and each.remote_id
    ]
    require(len(seconds) == len(ids), f"{len(seconds)} of {len(ids)} operations were done")
    return Times(seconds)


def _all_done(remote: Remote, numbers: list[int]) -> bool:
    there = remote.operations(min(numbers) - 1)
    return all(there[number].state == "DONE" for number in numbers)


def measure_held(remote: Remote, handle: str) -> list[Figure]:
    """`vm_info` of one handle while 200 calls of others are held, beside the same without."""
    others = [f"H{number}-BENCH" for number in range(_HELD // _HELD_EACH)]
    fleet.add_empty(remote.provider, others)
    api = fleet.naive_client(remote.provider, handle)
    vm_id = api.vm_list()[0]

    def calls(_number: int) -> list[float]:
        own = fleet.naive_client(remote.provider, handle)
        return [_seconds(lambda: own.vm_info(vm_id)) for _ in range(_CALLS // _CALLERS)]

    def timed() -> Times:
        with ThreadPoolExecutor(_CALLERS) as pool:
            return Times([each for part in pool.map(calls, range(_CALLERS)) for each in part])

    timed()
    without = timed()
    held = [connection for other in others for connection in _hold(remote, other, _HELD_EACH)]
    time.sleep(1)
    beside = timed()
    for connection in held:
        connection.close()
    return [
        Figure(
            f"vm_info from {_CALLERS} clients with {_HELD} held calls, {name}",
            "ms",
            ours,
            alone,
            "beside it, the same without held calls",
        )
        for name, ours, alone in (
            ("p50", beside.median_ms, without.median_ms),
            ("p95", beside.p95_ms, without.p95_ms),
        )
    ]


def _seconds(do: Callable[[], object]) -> float:
    began = time.monotonic()
    do()
    return time.monotonic() - began


def _hold(remote: Remote, handle: str, count: int) -> list[HTTPConnection]:
    api = fleet.naive_client(remote.provider, handle)
    cursor = getattr(api, CHANGES)("", 0)["cursor"]
    body = xmlrpc.client.dumps((api.session, cursor, 25), CHANGES)
    connections = [HTTPConnection(urlsplit(remote.provider.url).netloc, timeout=60) for _ in range(count)]
    for connection in connections:
        connection.request("POST", "/xmlrpc/", body, {"Content-Type": "text/xml"})
    return connections
