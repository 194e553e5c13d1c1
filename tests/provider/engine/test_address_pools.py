"""Addresses come from pools: each belongs to one VM, and rests before another one gets it."""

import threading
from collections.abc import Iterator

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider

SMALL = """
from hosting.provider.models import *
Host.objects.update(bridge="br9")
AddressPool.objects.create(family=4, cidr="192.0.2.0/29", gateway="192.0.2.1", bridge="br9")
"""
LARGE = "from hosting.provider.models import *; Host.objects.update(bridge='')"
LATER = """
from datetime import timedelta
from django.db.models import F
from hosting.provider.models import *
Address.objects.filter(released__isnull=False).update(released=F("released") - timedelta(hours={}))
"""
QUERIES = """
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hosting.provider.engine import address_pools
from hosting.provider.models import *
vms = list(Vm.objects.filter(interface=None, state="deleted")[:2])
counts = []
for vm in vms:
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        address_pools.give(vm)
    counts.append(len(queries))
    pool = AddressPool.objects.get(cidr="10.0.0.0/8")
    ips = (f"10.{200 + len(counts)}.{number >> 8}.{number & 255}" for number in range(2000))
    Address.objects.bulk_create(Address(pool=pool, ip=ip) for ip in ips)
address_pools.release(Vm.objects.filter(pk__in=[vm.pk for vm in vms]))
print(*counts)
"""


@pytest.fixture
def small_pool(provider: Provider) -> Iterator[None]:
    """A network with five addresses for VMs on the host."""
    provider.shell(SMALL)
    yield
    provider.shell(LARGE)


def addresses(member: Member, vm_id: int) -> list[str]:
    return [ip["ip"] for iface in member.vm_info(vm_id)["ifaces"] for ip in iface["ips"]]


def gone(member: Member, vm_id: int) -> None:
    member.done(member.vm_stop(vm_id))
    member.done(member.vm_delete(vm_id))


def test_demonstration_has_the_addresses_of_its_ids(provider: Provider) -> None:
    reseller = Member(provider.url, "AA1234-GANDI", "mypassword")
    assert addresses(reseller, 456) == ["10.0.1.200", "2001:db8::1c8"]
    assert addresses(reseller, 9876) == ["10.0.38.148", "2001:db8::2694"]


def test_vms_made_at_the_same_time_get_different_addresses(provider: Provider, member: Member) -> None:
    def create() -> None:
        Member(provider.url, member.handle).vm_create("racer", "secret-pass-1", 111, 1, 1, {})

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    given = [ip for vm_id in member.vm_list() for ip in addresses(member, vm_id)]
    assert len(given) == 16
    assert len(set(given)) == 16


def test_released_address_rests_for_a_day(provider: Provider, member: Member, small_pool: None) -> None:
    vms = [member.new_vm(hostname=f"web{number}") for number in range(5)]
    given = [addresses(member, vm_id)[0] for vm_id in vms]
    # Neither the network itself, nor its gateway, nor the address for broadcasts.
    assert given == [f"192.0.2.{number}" for number in range(2, 7)]
    gone(member, vms[3])
    assert member.code("vm_create", "early", "secret-pass-1", 111, 1, 1, {}) == 580160
    provider.shell(LATER.format(23))
    assert member.code("vm_create", "early", "secret-pass-1", 111, 1, 1, {}) == 580160
    provider.shell(LATER.format(1))
    assert addresses(member, member.new_vm(hostname="later"))[0] == given[3]


def test_cancelled_or_failed_creation_gives_its_addresses_back(provider: Provider, member: Member) -> None:
    released = "from hosting.provider.models import *; print(Address.objects.filter(released__isnull=False).count())"
    before = int(provider.shell(released))
    with provider.faults("vm_create:fail"):
        vm_id = member.vm_create("doomed", "secret-pass-1", 111, 1, 1, {})
    assert member.wait(member.made("vm_create", vm_id=vm_id))["state"] == "ERROR"
    assert member.vm_info(vm_id)["ifaces"] == []
    assert int(provider.shell(released)) == before + 2


def test_number_of_queries_does_not_depend_on_how_many_addresses_there_are(provider: Provider, member: Member) -> None:
    for _ in range(2):
        gone(member, member.new_vm())
    first, second = provider.shell(QUERIES).split()
    assert first == second
