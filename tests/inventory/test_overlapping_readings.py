"""Two workers read the same objects at the same time: what is older never overwrites what is newer."""

from collections.abc import Callable
from typing import Any

import pytest

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession, client_for
from hosting.inventory import mirror
from hosting.inventory.apply import Disputed, apply
from hosting.inventory.models import AccountInfo, Change, Disk, Vm
from hosting.inventory.reading import ALL_ACCOUNT_DATA, Reading, read_account_data
from hosting.operations import rounds
from tests.contract.conftest import Member


@pytest.fixture
def session(account: Account) -> ApiSession:
    return client_for(account, Priority.MIRROR)


@pytest.fixture
def vm_id(account: Account, remote: Member) -> int:
    made = remote.new_vm()
    account.refresh_from_db()
    rounds.round_of(account)
    return made


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Have something happen once, after the next reading was read and before it is written."""
    waiting = [happens]

    def late(account: Account, reading: Reading, **options: Any) -> Disputed:
        if waiting:
            waiting.pop()()
        return apply(account, reading, **options)

    monkeypatch.setattr(mirror, "apply", late)


def state(account: Account, vm_id: int) -> str:
    return str(Vm.objects.get(account=account, remote_id=vm_id).state)


def test_server_that_was_stopped_and_read_meanwhile_stays_stopped(
    account: Account, remote: Member, session: ApiSession, vm_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop_and_read() -> None:
        remote.done(remote.vm_stop(vm_id))
        mirror.refresh(client_for(account, Priority.MIRROR), vms=[vm_id])

    meanwhile(monkeypatch, stop_and_read)
    mirror.refresh(session, vms=[vm_id])
    assert state(account, vm_id) == Vm.State.HALTED


def test_reading_that_began_earlier_and_saw_more_is_kept(
    account: Account, remote: Member, session: ApiSession, vm_id: int
) -> None:
    began_first = Reading()
    began_later = Reading(vms={vm_id: session.call(lambda client: client.vm_info(vm_id))})
    remote.done(remote.vm_stop(vm_id))
    began_first.vms[vm_id] = session.call(lambda client: client.vm_info(vm_id))
    assert not apply(account, began_first)
    assert apply(account, began_later).vms == {vm_id}
    assert state(account, vm_id) == Vm.State.HALTED


def test_reading_that_agrees_with_a_newer_one_is_not_disputed(
    account: Account, session: ApiSession, vm_id: int
) -> None:
    early = Reading(vms={vm_id: session.call(lambda client: client.vm_info(vm_id))})
    mirror.refresh(session, vms=[vm_id])
    newest = Vm.objects.get(account=account, remote_id=vm_id).read_at
    assert not apply(account, early)
    assert Vm.objects.get(account=account, remote_id=vm_id).read_at == newest


def test_server_deleted_meanwhile_does_not_come_back(
    account: Account, remote: Member, session: ApiSession, vm_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_and_read() -> None:
        remote.done(remote.vm_stop(vm_id))
        remote.done(remote.vm_delete(vm_id))
        mirror.refresh(client_for(account, Priority.MIRROR), vms=[vm_id])

    meanwhile(monkeypatch, delete_and_read)
    mirror.refresh(session, vms=[vm_id])
    assert not Vm.objects.filter(account=account, remote_id=vm_id).exists()
    # It was added before the test began.
    told = Change.objects.filter(object_type="vm", remote_id=vm_id).order_by("pk")
    assert list(told.values_list("what", flat=True)) == [Change.What.APPEARED, Change.What.VANISHED]


def test_server_created_while_the_list_was_read_does_not_vanish(
    account: Account, remote: Member, session: ApiSession, vm_id: int
) -> None:
    without_it = Reading(gone_vms={vm_id})
    mirror.refresh(session, vms=[vm_id])
    assert apply(account, without_it).vms == {vm_id}
    assert Vm.objects.filter(account=account, remote_id=vm_id).exists()


def test_disk_detached_and_read_meanwhile_stays_detached(
    account: Account, remote: Member, session: ApiSession, vm_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_id = remote.new_disk()
    remote.done(remote.disk_attach(disk_id, vm_id))
    mirror.refresh(session, vms=[vm_id])

    def detach_and_read() -> None:
        remote.done(remote.disk_detach(disk_id, vm_id))
        mirror.refresh(client_for(account, Priority.MIRROR), vms=[vm_id], disks=[disk_id])

    meanwhile(monkeypatch, detach_and_read)
    mirror.refresh(session, vms=[vm_id])
    assert Disk.objects.get(account=account, remote_id=disk_id).vm_remote_id is None


def test_balance_and_shares_bought_and_read_meanwhile_are_kept(
    account: Account, remote: Member, session: ApiSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def buy_and_read() -> None:
        remote.buy(3)
        mirror.refresh(client_for(account, Priority.MIRROR), facts=ALL_ACCOUNT_DATA)

    meanwhile(monkeypatch, buy_and_read)
    mirror.refresh(session, facts=ALL_ACCOUNT_DATA)
    info = AccountInfo.objects.get(account=account)
    assert (info.granted["shares"], account.product_set.count()) == (11, 2)
    early = Reading(read_at=info.read_at)
    read_account_data(session, ALL_ACCOUNT_DATA, early)
    assert apply(account, early).account_data
