"""The panel's client against the real provider: both sides mean the same contract."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hosting.api import (
    Client,
    CredentialsRefused,
    DataFault,
    OperationFilter,
    SessionFault,
    Transport,
    login,
    su,
)
from hosting.api.fields import Struct
from tests.contract.conftest import Member


@pytest.fixture
def client(member: Member) -> Client:
    transport = Transport(member.url)
    session = login(transport, member.handle, member.password)
    return Client(transport, su(transport, session, member.handle))


def known(*structs: Struct) -> None:
    """The provider sends no key that the client does not know."""
    for struct in structs:
        assert struct.extra == {}


def test_typed_client_understands_every_method(client: Client, member: Member) -> None:
    assert (client.account_currency(), client.account_balance()) == ("EUR", Decimal(500))
    bought = client.hosting_account_product_add("shares", 8, "1m")
    member.done(bought)
    operation = client.operation_details(bought)
    assert (operation.type, operation.state) == ("hosting_account_product_add", "DONE")
    assert (operation.vm_id, operation.disk_id) == (None, None)
    assert operation.product_id is not None
    account = client.hosting_account_info()
    assert (account.granted.shares, account.available.memory_mb) == (8, 2048)
    known(operation, account, account.granted, account.share_definition, *account.products)

    images = client.os_list()
    vm_id = client.vm_create("web1", "secret-pass-1", images[0].os_id, 2, 1, login="admin")
    (created,) = client.operation_list(OperationFilter(type="vm_create", param={"vm_id": vm_id}))
    member.done(created)
    vm = client.vm_info(vm_id)
    assert (vm.id, vm.hostname, vm.state, vm.memory_mb) == (vm_id, "web1", "running", 512)
    assert client.vm_list() == [vm_id]
    assert client.vm_disk_list(vm_id) == list(vm.disks_id)
    link = client.vm_disk_link(vm_id, vm.disks_id[0])
    assert (link.position, link.is_boot_disk) == (0, True)
    known(vm, link, *vm.disks, *vm.ifaces, *vm.ifaces[0].ips, *images)

    disk_id = client.disk_create(size_mb=2048, name="data", fstype="ext3")
    member.done(client.operation_list(OperationFilter(type="disk_create", param={"disk_id": disk_id}))[0])
    disk = client.disk_info(disk_id)
    assert (disk.size_mb, disk.state, disk.vms_id) == (2048, "created", ())
    assert set(client.disk_list()) == {disk_id, *vm.disks_id}
    known(disk)

    member.done(client.disk_attach(disk_id, vm_id))
    assert client.disk_info(disk_id).vms_id == (vm_id,)
    member.done(client.disk_detach(disk_id, vm_id))
    member.done(client.disk_delete(disk_id))
    for change in (client.vm_stop, client.vm_start, client.vm_reboot, client.vm_stop):
        member.done(change(vm_id))
    member.done(client.vm_update(vm_id, shares=3))
    member.done(client.vm_delete(vm_id))
    member.done(client.hosting_account_product_update(operation.product_id, 9))
    member.done(client.hosting_account_product_renew(operation.product_id, "1m"))
    member.done(client.hosting_account_product_remove(operation.product_id))
    with pytest.raises(DataFault) as refused:
        client.operation_cancel(bought)
    assert (refused.value.code, refused.value.element) == (580460, "operation_id")


def test_typed_client_understands_the_figures_of_a_server(reseller: Member) -> None:
    client, since = Client(Transport(reseller.url), reseller.session), datetime.now(UTC) - timedelta(hours=2)
    found = client.vm_stats(456, since, 600)
    assert [each.at for each in found] == sorted({each.at for each in found})
    # The demonstration's guests have run all the time.
    assert 11 <= len(found) <= 13
    assert all(0 < each.cpu_percent < 100 for each in found)
    assert all(0 < each.memory_mb < 768 for each in found)
    known(*found)


def test_sessions_end_as_their_own_types(member: Member) -> None:
    transport = Transport(member.url)
    with pytest.raises(CredentialsRefused):
        login(transport, member.handle, "wrong-pass-1")
    with pytest.raises(SessionFault):
        Client(transport, "no-such-session").vm_list()
    safe = Client(transport, login(transport, member.handle, member.password))
    assert safe.vm_list() == []
    with pytest.raises(DataFault) as refused:
        safe.hosting_account_product_add("shares", 1, "1m")
    assert refused.value.code == 510250
    assert not isinstance(refused.value, SessionFault)
    assert transport.clock_offset is not None
    assert abs(transport.clock_offset.total_seconds()) < 3
