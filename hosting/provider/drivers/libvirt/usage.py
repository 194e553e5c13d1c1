"""What guests use: the counters that libvirt keeps of each, in one call for a host."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import libvirt

from hosting.provider.drivers.base import HostRef, Usage
from hosting.provider.drivers.libvirt import names
from hosting.provider.drivers.libvirt.observe import AT_ONCE

WANTED = (
    libvirt.VIR_DOMAIN_STATS_STATE
    | libvirt.VIR_DOMAIN_STATS_CPU_TOTAL
    | libvirt.VIR_DOMAIN_STATS_BALLOON
    | libvirt.VIR_DOMAIN_STATS_BLOCK
    | libvirt.VIR_DOMAIN_STATS_INTERFACE
)
_WITH_QEMU = {libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_PAUSED}


def of_guests(connected: libvirt.virConnect, host: HostRef) -> Mapping[UUID, Usage]:
    """The guests of this installation. One that is busy with something else tells libvirt little, and is left out."""
    return {
        UUID(guest.UUIDString()): usage
        for guest, stats in connected.getAllDomainStats(WANTED, AT_ONCE)
        if names.is_ours(host, guest.name()) and (usage := usage_of(stats)) is not None
    }


def usage_of(stats: dict[str, Any]) -> Usage | None:
    """The usage that libvirt's typed parameters tell; None when some of its counters are missing."""
    if stats.get("state.state") not in _WITH_QEMU:
        return Usage()
    try:
        return Usage(
            cpu_ns=stats["cpu.time"],
            memory_mb=_memory_kib(stats) >> 10,
            disk_read=_sum(stats, "block", "rd.bytes"),
            disk_written=_sum(stats, "block", "wr.bytes"),
            net_in=_sum(stats, "net", "rx.bytes"),
            net_out=_sum(stats, "net", "tx.bytes"),
        )
    except KeyError:
        return None


def _memory_kib(stats: dict[str, Any]) -> int:
    """What the guest can't give to another program, as its balloon says; until that has spoken, all that it has."""
    if {"balloon.available", "balloon.usable"} <= stats.keys():
        return int(max(0, stats["balloon.available"] - stats["balloon.usable"]))
    return int(stats["balloon.current"])


def _sum(stats: dict[str, Any], group: str, counter: str) -> int:
    return sum(stats[f"{group}.{number}.{counter}"] for number in range(stats[f"{group}.count"]))
