"""On which host a VM or a disk is made: the active one with the most free shares on which it fits.

What a host has given away is read from the rows, while its own row is locked: no two calls can both get what is left.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NoReturn

from django.db.models import Count, Q, Sum

from hosting.provider.faults import Object, bad_state
from hosting.provider.models import Disk, Host, HostingAccount, Operation, Vm
from hosting.provider.rules import capacity, values

log = logging.getLogger(__name__)

# What a guest costs its host beside its memory, in MB: the hypervisor's own, and much more of it without KVM.
OVERHEAD_MB = {False: 30, True: 80}


@dataclass(frozen=True)
class Room:
    """What is left on a host, or is needed of it. Below zero: more was given away than it has."""

    shares: int
    memory_mb: int
    pool_mb: int

    def fits(self, needed: "Room") -> bool:
        pairs = ((self.shares, needed.shares), (self.memory_mb, needed.memory_mb), (self.pool_mb, needed.pool_mb))
        # Only what is needed more of counts: on a host that is too full, what asks for no memory still fits.
        return all(wanted <= 0 or wanted <= left for left, wanted in pairs)


def room_on(host: Host) -> Room:
    """What is left on a host: of its cores in shares, and of its memory and pool, growth that was accepted counted."""
    used = Vm.objects.filter(host=host, state__in=capacity.VM_LIVE).aggregate(
        shares=Sum("shares"), memory=Sum("vm_max_memory"), vms=Count("pk")
    )
    grown = _growth(host)
    disks = Disk.objects.filter(host=host, state__in=capacity.DISK_LIVE).aggregate(size=Sum("size"))["size"]
    overhead_mb = used["vms"] * OVERHEAD_MB[host.emulated]
    return Room(
        int((host.cores or 0) * host.cpu_overcommit / values.SHARE_CORES) - (used["shares"] or 0) - grown.shares,
        (host.memory_mb or 0) - (used["memory"] or 0) - overhead_mb - grown.memory_mb,
        (host.pool_mb or 0) - (disks or 0),
    )


def _growth(host: Host) -> Room:
    """What open updates of the host's VMs may take in addition."""
    growing = Operation.objects.filter(state__in=Operation.OPEN, type="vm_update", vm__host=host)
    most: dict[int, tuple[int, int]] = {}
    rows = growing.values_list("vm_id", "vm__shares", "vm__vm_max_memory", "params")
    for vm_id, shares, max_memory, params in rows:
        wanted = params.get("shares", 0)
        memory = params.get("vm_max_memory", wanted * values.SHARE_MEMORY_MB)
        so_far = most.get(vm_id or 0, (0, 0))
        most[vm_id or 0] = max(so_far[0], wanted - (shares or 0)), max(so_far[1], memory - (max_memory or 0))
    return Room(sum(shares for shares, _ in most.values()), sum(memory for _, memory in most.values()), 0)


def for_vm(*, shares: int, memory_mb: int, disk_mb: int) -> Host:
    """The host for a new VM, locked until the transaction ends. `memory_mb`: the most that it may grow to.

    Raises:
        DataFault: no host has room for it (580160).
    """
    needed = Room(shares, memory_mb, disk_mb)
    return _most_room(_locked(Q(state=Host.State.ACTIVE)), needed) or _refuse(Object.VM, "shares", shares, needed)


def for_disk(account: HostingAccount, *, disk_mb: int) -> Host:
    """The host for a new disk: one that has VMs of its account, in whatever state, because it can only be attached
    there; an active one when there is none with room.

    Raises:
        DataFault: no host has room for it (580260).
    """
    vms = account.vms.filter(state__in=capacity.VM_LIVE, host__isnull=False)
    own = set(vms.values_list("host_id", flat=True))
    hosts = _locked(Q(state=Host.State.ACTIVE) | Q(pk__in=own))
    beside = [host for host in hosts if host.pk in own]
    active = [host for host in hosts if host.state == Host.State.ACTIVE]
    needed = Room(0, 0, disk_mb)
    return _most_room(beside, needed) or _most_room(active, needed) or _refuse(Object.DISK, "size", disk_mb, needed)


def place(vm: Vm) -> None:
    """Give a VM that is a row alone its host, with all of its disks: it is about to be made by its first start.

    Raises:
        DataFault: no host has room for it, or the one that has its disks (580160).
    """
    if vm.host_id is not None:
        return
    pinned = host_id_of(vm)
    missing_mb = sum(vm.disks.filter(host=None).values_list("size", flat=True))
    needed = Room(vm.shares, vm.vm_max_memory, missing_mb)
    hosts = [host for host in _locked(Q(state=Host.State.ACTIVE)) if pinned in {None, host.pk}]
    vm.host = _most_room(hosts, needed) or _refuse(Object.VM, "vm_id", vm.pk, needed)
    vm.save(update_fields=["host"])
    vm.disks.filter(host=None).update(host=vm.host)


def host_id_of(vm: Vm) -> int | None:
    """The host that a VM is on, or has to be made on because one of its disks is there; None: any."""
    return vm.host_id or vm.disks.filter(host__isnull=False).values_list("host_id", flat=True).first()


def require(host: Host | None, *, shares: int, memory_mb: int) -> None:
    """Raises DataFault (580160) unless a VM on that host can grow by so much."""
    if host is None or (shares <= 0 and memory_mb <= 0):
        return
    locked = Host.objects.select_for_update().get(pk=host.pk)
    if not room_on(locked).fits(Room(shares, memory_mb, 0)):
        log.error("host %s has no room for %s shares and %s MB more", host, shares, memory_mb)
        raise bad_state(Object.VM, "shares", shares, "its host has no room for that at the moment")


def _locked(which: Q) -> list[Host]:
    """Hosts, locked until the transaction ends: all at once and in order, so that no two calls wait for each other."""
    return list(Host.objects.select_for_update().filter(which).order_by("pk"))


def _most_room(hosts: Iterable[Host], needed: Room) -> Host | None:
    """The host with the most free shares, of those on which it fits."""
    fitting: list[tuple[int, Host]] = []
    for host in hosts:
        left = room_on(host)
        overhead_mb = OVERHEAD_MB[host.emulated] if needed.memory_mb else 0
        if left.fits(replace(needed, memory_mb=needed.memory_mb + overhead_mb)):
            fitting.append((left.shares, host))
    return max(fitting, key=lambda each: each[0])[1] if fitting else None


def _refuse(about: Object, element: str, value: int, needed: Room) -> NoReturn:
    log.error("no host has room for %s", needed)
    raise bad_state(about, element, value, "no host has room for it at the moment")
