"""What is really there: the guests of a host, in one call."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import libvirt

from hosting.provider.drivers.base import GuestState, HostRef, Observed
from hosting.provider.drivers.libvirt import names

WANTED = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON | libvirt.VIR_DOMAIN_STATS_BLOCK
# Of a guest that is busy with something else, the rest is told without waiting.
AT_ONCE = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT


def guests(connected: libvirt.virConnect, host: HostRef) -> Mapping[UUID, Observed]:
    """The guests of this installation, whether they run or not."""
    return {
        UUID(guest.UUIDString()): _observed(stats)
        for guest, stats in connected.getAllDomainStats(WANTED, AT_ONCE)
        if names.is_ours(host, guest.name())
    }


def _observed(stats: dict[str, Any]) -> Observed:
    state, reason = _state(stats["state.state"], stats["state.reason"])
    paths = [str(stats.get(f"block.{number}.path", "")) for number in range(stats.get("block.count", 0))]
    found = tuple(disk for path in paths if (disk := names.disk_id(path)) is not None)
    return Observed(state, stats.get("balloon.current", 0) >> 10, found, reason)


def _state(state: int, reason: int) -> tuple[GuestState, str]:
    """What libvirt's state means, and why.

    A guest that is off is halted only when it is known who switched it off. libvirt forgets the reason when the host
    loses power, as when QEMU has crashed: both are `crashed`.
    """
    match state, reason:
        case libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP:
            return "crashed", "its start was interrupted"
        case libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_IOERROR:
            return "paused", "its disks cannot be written: the pool may be full"
        case libvirt.VIR_DOMAIN_PAUSED, _:
            return "paused", ""
        case libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN | libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED:
            return "halted", ""
        case ((libvirt.VIR_DOMAIN_SHUTOFF | libvirt.VIR_DOMAIN_CRASHED), _):
            return "crashed", f"its QEMU has ended (libvirt's reason {reason})"
        case _:
            return "running", ""
