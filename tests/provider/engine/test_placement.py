"""On which host VMs and disks are made, and what is refused for want of room."""

import threading
import xmlrpc.client

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider

HOSTS = """
from hosting.provider.models import *
Host.objects.update(state="maintenance")
Host.objects.exclude(name="simulated").update(state="maintenance")
for name, cores in {!r}.items():
    Host.objects.update_or_create(
        name=name, defaults=dict(cores=cores, memory_mb=10**6, pool_mb=10**6, state="active", cpu_overcommit=1.0)
    )
"""
HOST_OF = "from hosting.provider.models import *; print({}.objects.get(pk={}).host.name)"


def hosts(provider: Provider, **cores: int) -> None:
    """Have these hosts alone be active, with so many cores: four shares each."""
    provider.shell(HOSTS.format(cores))


def host_of(provider: Provider, model: str, pk: int) -> str:
    return provider.shell(HOST_OF.format(model, pk))


def test_vm_is_made_where_most_shares_are_free(provider: Provider, member: Member) -> None:
    hosts(provider, small=1, large=2)
    first, second = member.new_vm(shares=5, hostname="first"), member.new_vm(shares=1, hostname="second")
    assert [host_of(provider, "Vm", vm_id) for vm_id in (first, second)] == ["large", "small"]
    system = member.vm_disk_list(first)[0]
    assert host_of(provider, "Disk", system) == "large"


def test_vm_is_refused_when_no_host_has_room(provider: Provider, member: Member) -> None:
    hosts(provider, tiny=1)
    before = member.vm_list(), member.operation_list(), member.resources("available")
    with pytest.raises(xmlrpc.client.Fault) as refused:
        member.vm_create("toolarge", "secret-pass-1", 111, 5, 1, {})
    assert refused.value.faultCode == 580160
    assert "no host has room for it at the moment" in refused.value.faultString
    assert "tiny" not in refused.value.faultString
    assert (member.vm_list(), member.operation_list(), member.resources("available")) == before


def test_host_in_maintenance_keeps_its_vms_and_gets_no_new_ones(provider: Provider, member: Member) -> None:
    hosts(provider, kept=2)
    vm_id = member.new_vm()
    hosts(provider, other=2)
    assert host_of(provider, "Disk", member.new_disk()) == "kept"
    assert host_of(provider, "Vm", member.new_vm(hostname="new")) == "other"
    member.done(member.vm_reboot(vm_id))
    member.done(member.vm_update(vm_id, {"shares": 2}))
    assert host_of(provider, "Vm", vm_id) == "kept"


def test_creations_at_the_same_time_never_give_a_host_away_twice(provider: Provider, member: Member) -> None:
    hosts(provider, contested=1)
    codes: list[int] = []

    def create() -> None:
        one = Member(provider.url, member.handle)
        try:
            one.vm_create("racer", "secret-pass-1", 111, 1, 1, {})
            codes.append(0)
        except xmlrpc.client.Fault as refused:
            codes.append(refused.faultCode)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [0] * 4 + [580160] * 4


def test_vm_grows_only_as_far_as_its_host_has_room(provider: Provider, member: Member) -> None:
    hosts(provider, narrow=1)
    vm_id = member.new_vm(shares=2)
    growing = member.vm_update(vm_id, {"shares": 3})
    assert member.code("vm_update", vm_id, {"shares": 5}) == 580160
    member.done(growing)
    # What gives room back needs none.
    member.done(member.vm_update(vm_id, {"shares": 1}))


def test_disk_is_made_beside_the_vms_of_its_account_and_attached_only_there(provider: Provider, member: Member) -> None:
    hosts(provider, left=2)
    vm_id = member.new_vm()
    hosts(provider, left=2, right=50)
    disk_id = member.new_disk()
    assert host_of(provider, "Disk", disk_id) == "left"
    elsewhere = member.new_vm(hostname="elsewhere")
    assert host_of(provider, "Vm", elsewhere) == "right"
    with pytest.raises(xmlrpc.client.Fault) as refused:
        member.disk_attach(disk_id, elsewhere)
    assert refused.value.faultCode == 580260
    assert "different hosts" in refused.value.faultString
    member.done(member.disk_attach(disk_id, vm_id))
