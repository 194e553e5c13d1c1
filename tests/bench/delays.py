"""How long a member waits: from the click to the provider, and from the provider's DONE to the panel's."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.urls import reverse

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import OPEN, State
from hosting.teams.models import Membership
from tests.bench import fleet, naive
from tests.bench.panel import Browser, Panel
from tests.bench.rates import LIMIT, WINDOW_S
from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import Remote, RemoteOperation
from tests.bench.timing import Times, wait_until

_CLICKS, _BUSY_CLICKS = 40, 8
_LIMIT_S = 60.0
# Stopping takes two to four seconds at this speed.
_SPEED = 0.2


def _click(browser: Browser, account: Account, vm_id: int) -> tuple[float, float]:
    """Press Stop on a server; when it was pressed and when that was answered (seconds since the epoch)."""
    pressed = time.time()
    browser.press(reverse("server_stop", args=[account.pk, vm_id]))
    return pressed, time.time()


def _paced(steps: list[Callable[[], None]]) -> None:
    """One step after the other, at moments that fall in with no clock of either side."""
    moments = random.Random(1)
    for step in steps:
        step()
        time.sleep(moments.uniform(0.3, 0.7))


def measure(remote: Remote, panel: Panel, account: Account, owner: Membership, naive_handle: str) -> list[Figure]:
    """Both ways at the same time: forty servers are stopped one after the other, while earlier ones are followed."""
    remote.set_speed(_SPEED)
    last = max(remote.operations(), default=0)
    browser = Browser(panel, owner)
    vm_ids = list(account.vm_set.filter(state="running").order_by("-remote_id").values_list("remote_id", flat=True))
    clicks: dict[int, tuple[float, float]] = {}

    def click(vm_id: int) -> None:
        clicks[vm_id] = _click(browser, account, vm_id)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(_naive_way, remote, naive_handle)
        _paced([lambda vm_id=vm_id: click(vm_id) for vm_id in vm_ids[:_CLICKS]])  # type: ignore[misc]
        operations = Operation.objects.filter(account=account, kind="vm_stop", vm_id__in=clicks)
        require(wait_until(lambda: not operations.filter(state__in=OPEN).exists(), _LIMIT_S), "operations stay open")
        sent, seen = other.result()
    done = {operation.vm_id or 0: operation for operation in operations.filter(state=State.DONE)}
    require(len(done) == len(clicks) == _CLICKS, f"{len(done)} of {len(clicks)} operations were done")
    there = remote.operations(last)
    ours = [(clicks[vm_id], there[one.remote_id or 0], one) for vm_id, one in done.items()]
    after_answer = Times([max(0.0, remote_one.created_at - answered) for (_, answered), remote_one, _ in ours])
    after_click = Times([remote_one.created_at - pressed for (pressed, _), remote_one, _ in ours])
    shown = Times(
        [one.finished_at.timestamp() - remote_one.updated_at for _, remote_one, one in ours if one.finished_at]
    )
    naive_sent = Times([there[number].created_at - began for number, began in sent.items()])
    naive_seen = Times([at - there[number].updated_at for number, (_, at) in seen.items()])
    return [
        *_two(
            "submit to sent",
            after_answer,
            naive_sent,
            f"from the click: {after_click.median_ms:.0f} and {after_click.p95_ms:.0f} ms",
        ),
        *_two("DONE to shown", shown, naive_seen, f"naive asks each every {naive.POLL_S:g} s"),
    ]


def _two(what: str, ours: Times, other: Times, note: str) -> list[Figure]:
    return [
        Figure(f"{what}, p50", "ms", ours.median_ms, other.median_ms, note),
        Figure(f"{what}, p95", "ms", ours.p95_ms, other.p95_ms),
    ]


def _naive_way(remote: Remote, handle: str) -> tuple[dict[int, float], dict[int, tuple[str, float]]]:
    """A script that calls the API itself: when it began each call, and when it saw each operation's end."""
    api, watching = fleet.naive_client(remote.provider, handle), fleet.naive_client(remote.provider, handle)
    sent: dict[int, float] = {}
    seen: dict[int, tuple[str, float]] = {}

    def stop(vm_id: int) -> None:
        began = time.time()
        sent[api.vm_stop(vm_id)] = began

    def watch() -> None:
        while len(seen) < _CLICKS:
            next_time = time.monotonic() + naive.POLL_S
            for number in set(sent) - set(seen):
                state = watching.operation_details(number)["state"]
                if state not in {"PENDING", "RUN"}:
                    require(state == "DONE", "an operation of the naive script failed")
                    seen[number] = (state, time.time())
            time.sleep(max(0.0, next_time - time.monotonic()))

    with ThreadPoolExecutor(1) as pool:
        watching_thread = pool.submit(watch)
        _paced([lambda vm_id=vm_id: stop(vm_id) for vm_id in api.vm_list()[:_CLICKS]])  # type: ignore[misc]
        watching_thread.result(timeout=_LIMIT_S)
    return sent, seen


def measure_busy(remote: Remote, panel: Panel, account: Account, owner: Membership) -> Figure:
    """A member's Stop while the first import of the same login runs at the rate limit (the panel was started so)."""
    last = max(remote.operations(), default=0)
    browser = Browser(panel, owner)
    require(wait_until(lambda: account.vm_set.count() > 2 * _BUSY_CLICKS, _LIMIT_S), "no import has begun")
    vm_ids = account.vm_set.order_by("remote_id").values_list("remote_id", flat=True)[:_BUSY_CLICKS]
    waits = []
    for vm_id in list(vm_ids):
        _, answered = _click(browser, account, vm_id)
        number, there = _next_operation(remote, last)
        waits.append(max(0.0, there.created_at - answered))
        last = number
        time.sleep(0.7)
    account.refresh_from_db()
    require(account.mirrored_at is None, "the import was over before the last click")
    return Figure(
        "Stop to sent while a first import runs at the limit, slowest",
        "ms",
        1000 * max(waits),
        None,
        f"p50 {Times(waits).median_ms:.0f} ms of {_BUSY_CLICKS}; the import uses {LIMIT} calls in {WINDOW_S:g} s",
        target=at_most(1000, 1000 * max(waits), "ms"),
    )


def _next_operation(remote: Remote, last: int) -> tuple[int, RemoteOperation]:
    """The provider's first operation with a number above `last`, as soon as there is one."""
    deadline = time.monotonic() + _LIMIT_S
    while not (found := remote.operations(last)):
        require(time.monotonic() < deadline, "a stop was not sent")
        time.sleep(0.02)
    return min(found.items())
