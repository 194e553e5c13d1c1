"""Gives VMs their addresses out of pools, and takes them back. A released address rests before it is given again.

The pools are locked while an address is chosen, so no two calls can get the same one. How many queries it takes does
not depend on how many addresses there are.
"""

import ipaddress
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from django.db.models import Q, QuerySet
from django.utils import timezone

from hosting.provider.faults import Object, bad_state
from hosting.provider.models import Address, AddressPool, Interface, Vm

# Others may still send to it, from caches and habit.
QUARANTINE = timedelta(hours=24)
# Private IPv4, and IPv6 for documentation (RFC 3849).
DEFAULT_POOLS = ((4, "10.0.0.0/8", "10.0.0.1"), (6, "2001:db8::/32", "2001:db8::1"))

_Family = AddressPool.Family


def make_default_pools() -> None:
    """The pools of the demonstration, unless there are any."""
    if not AddressPool.objects.exists():
        for family, cidr, gateway in DEFAULT_POOLS:
            AddressPool.objects.create(family=family, cidr=cidr, gateway=gateway)


def give(vm: Vm) -> Interface:
    """Give a new VM an interface with an address of each family.

    Raises:
        DataFault: the pools of its host have none left (580160).
    """
    return give_all([vm], vm.host.bridge if vm.host else "")[0]


def give_all(vms: Sequence[Vm], bridge: str = "") -> list[Interface]:
    """Give each of these new VMs an interface, on hosts with that bridge."""
    pools = list(AddressPool.objects.select_for_update().filter(bridge__in={bridge, ""}).order_by("pk"))
    given = {family: _take(_connected(pools, family, bridge), family, len(vms)) for family in _Family}
    return Interface.objects.bulk_create(
        [
            Interface(vm=vm, ipv4=ipv4, ipv6=ipv6)
            for vm, ipv4, ipv6 in zip(vms, given[_Family.IPV4], given[_Family.IPV6], strict=True)
        ],
        batch_size=500,
    )


def give_at(vm: Vm, offset: int) -> Interface:
    """Give a VM of the demonstration the address that is so far from the beginning of the first pools."""
    addresses = {}
    for family in _Family:
        pool = AddressPool.objects.filter(family=family).earliest("pk")
        network = ipaddress.ip_network(pool.cidr)
        addresses[family] = Address.objects.create(pool=pool, ip=str(network[offset]))
        pool.next_offset = max(pool.next_offset, offset + 1)
        pool.save(update_fields=["next_offset"])
    return Interface.objects.create(vm=vm, ipv4=addresses[_Family.IPV4], ipv6=addresses[_Family.IPV6])


def addresses(interface: Interface) -> dict[int, Address]:
    """The addresses of an interface by their ids, that of IPv4 first."""
    return {2 * interface.pk: interface.ipv4, 2 * interface.pk + 1: interface.ipv6}


def with_id(ip_id: int) -> tuple[Vm, Address] | None:
    """The VM and its address with that id; None when there is none."""
    rows = Interface.objects.select_related("vm", "ipv4", "ipv6").filter(pk=ip_id // 2)
    return next(((interface.vm, addresses(interface)[ip_id]) for interface in rows), None)


def release(vms: QuerySet[Vm]) -> None:
    """Take back the addresses of VMs that are gone, and forget their reverse names."""
    interfaces = Interface.objects.filter(vm__in=vms)
    both = Q(pk__in=interfaces.values("ipv4")) | Q(pk__in=interfaces.values("ipv6"))
    Address.objects.filter(both).update(released=timezone.now(), reverse="")
    interfaces.delete()


def _connected(pools: Sequence[AddressPool], family: int, bridge: str) -> list[AddressPool]:
    """The pools of a bridge, or those for all others when it has none."""
    of_family = [pool for pool in pools if pool.family == family]
    return [pool for pool in of_family if pool.bridge == bridge] or of_family


def _take(pools: Sequence[AddressPool], family: int, count: int) -> list[Address]:
    """So many addresses of a family from the first pools that have some, each locked by the caller."""
    taken: list[Address] = []
    for pool in pools:
        if len(taken) < count:
            taken += _rested(pool, count - len(taken))
            taken += _fresh(pool, count - len(taken))
    if len(taken) < count:
        raise bad_state(Object.VM, "ip", f"IPv{family}", "no address is left at the moment")
    return taken


def _rested(pool: AddressPool, count: int) -> list[Address]:
    """Addresses that were released long ago."""
    rows = pool.addresses.filter(released__lte=timezone.now() - QUARANTINE).order_by("released")
    found = list(rows[:count])
    if found:
        Address.objects.filter(pk__in=[address.pk for address in found]).update(released=None)
    return found


def _fresh(pool: AddressPool, count: int) -> list[Address]:
    """Addresses that were never given."""
    if count <= 0:
        return []
    made: list[Address] = []
    following = _following(pool)
    while len(made) < count and (chunk := list(islice(following, count - len(made)))):
        offsets = {str(ipaddress.ip_network(pool.cidr)[offset]): offset for offset in chunk}
        known = set(Address.objects.filter(ip__in=offsets).values_list("ip", flat=True))
        made += [Address(pool=pool, ip=ip) for ip in offsets if ip not in known]
        pool.next_offset = chunk[-1] + 1
    pool.save(update_fields=["next_offset"])
    return Address.objects.bulk_create(made, batch_size=500)


def _following(pool: AddressPool) -> Iterator[int]:
    """The offsets that are still to be given: not that of the gateway, nor the last one, which is for broadcasts."""
    network = ipaddress.ip_network(pool.cidr)
    gateway = int(ipaddress.ip_address(pool.gateway)) - int(network.network_address)
    return (offset for offset in range(pool.next_offset, network.num_addresses - 1) if offset != gateway)
