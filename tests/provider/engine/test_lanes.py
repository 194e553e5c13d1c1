"""A host that does not answer stops no other one."""

import threading
import time

import psutil

from hosting.provider.engine.lanes import Lanes, Step
from tests.provider.engine.conftest import Watched

ADDRESS = "from hosting.provider.models import *; Host.objects.filter(name='second').update(uri={!r})"


def test_silent_host_stops_nobody_else(watched: Watched) -> None:
    """More operations than its lane has threads, each of which blocks for longer than a lease."""
    member = watched.member
    watched.provider.shell(ADDRESS.format("simulated:hangs=12"))
    silent = [member.vm_reboot(1234), member.vm_reboot(2001), member.vm_update(1234, {"shares": 4})]
    began = time.monotonic()
    for vm_id in (456, 456, 9876):
        member.done(member.vm_start(vm_id) if vm_id == 9876 else member.vm_reboot(vm_id))
    member.done(member.hosting_account_product_add("shares", 1, "1m"))
    assert time.monotonic() - began < 8
    assert [member.operation_details(operation)["state"] for operation in silent] == ["RUN", "RUN", "PENDING"]
    watched.provider.shell(ADDRESS.format(""))
    for operation in silent:
        assert member.wait(operation, 40)["state"] == "DONE"
        assert watched.events(operation).count("changed") == 1


def test_host_that_is_away_keeps_its_operations_in_run(watched: Watched) -> None:
    member = watched.member
    watched.provider.shell(ADDRESS.format("simulated:away"))
    reboot = member.vm_reboot(1234)
    watched.until(lambda: watched.events(reboot).count("called") >= 3)
    details = member.operation_details(reboot)
    assert (details["state"], details["last_error"]) == ("RUN", "")
    watched.provider.shell(ADDRESS.format(""))
    member.done(reboot)


def test_lane_takes_a_step_once_at_a_time_and_tells_when_it_is_drained() -> None:
    taken: list[int] = []
    go, drained = threading.Event(), threading.Event()
    lanes = Lanes(threads=1, drained=drained.set)

    def take() -> None:
        go.wait(5)
        taken.append(1)

    for _ in range(5):
        lanes.offer(1, [Step("a", take)])
    lanes.offer(2, [Step("b", lambda: taken.append(2))])
    assert drained.wait(5)
    assert taken == [2]
    drained.clear()
    go.set()
    assert drained.wait(5)
    assert taken == [2, 1]


def test_step_that_fails_leaves_its_lane_going() -> None:
    drained = threading.Event()
    lanes = Lanes(threads=1, drained=drained.set)

    def fail() -> None:
        raise OSError

    done = threading.Event()
    lanes.offer(1, [Step("a", fail), Step("b", done.set)])
    assert done.wait(5)
    assert drained.wait(5)
    again = threading.Event()
    lanes.offer(1, [Step("a", again.set)])
    assert again.wait(5)


def test_web_server_never_calls_a_host(watched: Watched) -> None:
    watched.member.done(watched.member.vm_reboot(456))
    callers = {int(line.split(",")[3]) for line in (watched.provider.directory / "calls").read_text().splitlines()}
    web = psutil.Process(watched.provider.web.popen.pid)
    assert callers
    assert not callers & {web.pid, *(child.pid for child in web.children(recursive=True))}
