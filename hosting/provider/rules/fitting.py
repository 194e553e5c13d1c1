"""Which VMs run when there are not shares for all of them. Pure.

Source: docs/provider-api.md, "When shares end". The newest VM is paused first, until what runs fits; the oldest is
started first, and no later one before it. So the same shares always leave the same VMs running.
"""

from collections.abc import Iterable


def to_pause(newest_first: Iterable[tuple[int, int]], excess: int) -> list[int]:
    """The ids of the VMs to pause, of those that run, given with their shares: `excess` shares must be set free."""
    chosen = []
    for vm_id, shares in newest_first:
        if excess <= 0:
            break
        chosen.append(vm_id)
        excess -= shares
    return chosen


def to_start(oldest_first: Iterable[tuple[int, int]], free: int) -> list[int]:
    """The ids of the paused VMs, given with their shares, that fit into so many free shares."""
    chosen = []
    for vm_id, shares in oldest_first:
        if shares > free:
            break
        chosen.append(vm_id)
        free -= shares
    return chosen
