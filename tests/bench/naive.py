"""The naive way, fairly: the standard library's client on one kept-alive connection, its session already open."""

import queue
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.stack import Remote

Row = dict[str, Any]
POLL_S = 2.0
# The dashboard shows so many of the last ones.
DASHBOARD_OPERATIONS = 8


def everything(api: Remote) -> tuple[list[Row], list[Row]]:
    """All servers and all disks, one call for each and two for their lists."""
    vms = [api.vm_info(vm_id) for vm_id in api.vm_list()]
    disks = [api.disk_info(disk_id) for disk_id in api.disk_list()]
    return vms, disks


def everything_in_parallel(apis: list[Remote]) -> int:
    """The calls of a first import, one client for each thread, and nothing kept of their answers: how many there were.

    `vm_info` brings the server's disks along, so that this needs no more calls than Sharedeck does.
    """
    first = apis[0]
    vm_ids = first.vm_list()
    first.disk_list()
    once = ("os_list", "operation_list", "hosting_account_info", "account_currency", "account_balance")
    for method in once:
        getattr(first, method)()
    idle: queue.SimpleQueue[Remote] = queue.SimpleQueue()
    for api in apis:
        idle.put(api)

    def read(vm_id: int) -> None:
        api = idle.get()
        api.vm_info(vm_id)
        idle.put(api)

    with ThreadPoolExecutor(len(apis)) as pool:
        for _ in pool.map(read, vm_ids):
            pass
    return len(vm_ids) + 2 + len(once)


def dashboard(api: Remote, rows: int) -> list[Row]:
    """Capacity, balance and the last operations. How many servers are in which state would cost a call for each."""
    api.hosting_account_info()
    api.account_currency()
    api.account_balance()
    api.vm_list()
    api.disk_list()
    return [
        api.operation_details(operation_id) for operation_id in api.operation_list()[: min(rows, DASHBOARD_OPERATIONS)]
    ]


def servers(api: Remote, rows: int) -> list[Row]:
    return [api.vm_info(vm_id) for vm_id in api.vm_list()[:rows]]


def disks(api: Remote, rows: int) -> list[Row]:
    return [api.disk_info(disk_id) for disk_id in api.disk_list()[:rows]]


def operations(api: Remote, rows: int) -> list[Row]:
    return [api.operation_details(operation_id) for operation_id in api.operation_list()[:rows]]


def poll(api: Remote, operation_ids: Iterable[int], limit_s: float) -> dict[int, tuple[str, float]]:
    """Ask for each open operation every `POLL_S` seconds until all have ended, or `limit_s` is over.

    Their states, and when each was first seen (seconds since the epoch).
    """
    seen = {operation_id: ("PENDING", time.time()) for operation_id in operation_ids}
    deadline = time.monotonic() + limit_s
    while still_open := [key for key, (state, _) in seen.items() if state in {"PENDING", "RUN"}]:
        next_time = time.monotonic() + POLL_S
        if next_time > deadline:
            break
        for operation_id in still_open:
            seen[operation_id] = (api.operation_details(operation_id)["state"], time.time())
        time.sleep(max(0.0, next_time - time.monotonic()))
    return seen
