"""The naive way, fairly: the standard library's client on one kept-alive connection, its session already open."""

import time
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


def poll(api: Remote, operation_ids: list[int], limit_s: float) -> dict[int, str]:
    """Ask for each open operation every `POLL_S` seconds until all have ended, or `limit_s` is over; their states."""
    states = dict.fromkeys(operation_ids, "PENDING")
    deadline = time.monotonic() + limit_s
    while still_open := [key for key, state in states.items() if state in {"PENDING", "RUN"}]:
        next_time = time.monotonic() + POLL_S
        if next_time > deadline:
            break
        for operation_id in still_open:
            states[operation_id] = api.operation_details(operation_id)["state"]
        time.sleep(max(0.0, next_time - time.monotonic()))
    return states
