"""The mirror equals the provider, cheaply, and says what changed elsewhere."""

from collections.abc import Callable
from typing import Any

import pytest

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession, client_for
from hosting.api import Client
from hosting.inventory import mirror
from hosting.inventory.models import AccountInfo, Change, Disk, OsImage, Product, Vm
from hosting.operations import rounds
from hosting.operations.models import Operation
from tests.contract.conftest import Member
from tests.engine import Engine


def round_now(account: Account) -> None:
    account.refresh_from_db()
    rounds.round_of(account)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How many API calls are made, by how."""
    calls: list[str] = []

    def counting(name: str) -> Callable[..., Any]:
        original = getattr(ApiSession, name)

        def counted(self: ApiSession, do: Callable[[Client], Any]) -> Any:
            calls.append(name)
            return original(self, do)

        return counted

    for name in ("_once", "_outcome"):
        monkeypatch.setattr(ApiSession, name, counting(name))
    return calls


def test_the_first_import_brings_everything_and_calls_nothing_a_change(account: Account) -> None:
    info = AccountInfo.objects.get(account=account)
    assert info.currency == "EUR"
    assert info.granted["shares"] == 8
    assert Product.objects.filter(account=account).count() == 1
    assert OsImage.objects.filter(account=account, remote_id=111).exists()
    assert not Change.objects.exists()


def test_an_idle_round_costs_three_calls(account: Account, counted: list[str]) -> None:
    round_now(account)
    counted.clear()
    round_now(account)
    assert counted == ["_once"] * 3


def test_what_was_made_elsewhere_appears_within_one_round(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm(hostname="elsewhere")
    disk_id = remote.new_disk(name="spare")
    round_now(account)
    assert Vm.objects.get(account=account, remote_id=vm_id).hostname == "elsewhere"
    assert Disk.objects.get(account=account, remote_id=disk_id).state == Disk.State.CREATED
    outside = Operation.objects.filter(account=account, origin=Operation.Origin.OUTSIDE)
    assert {operation.kind for operation in outside} >= {"vm_create", "disk_create"}


def test_what_changed_elsewhere_shows_with_before_and_after(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm()
    round_now(account)
    remote.done(remote.vm_stop(vm_id))
    Operation.objects.all().delete()
    round_now(account)
    assert Vm.objects.get(account=account, remote_id=vm_id).state == Vm.State.HALTED


def test_what_vanished_elsewhere_is_gone_within_one_round(account: Account, remote: Member) -> None:
    disk_id = remote.new_disk()
    round_now(account)
    remote.done(remote.disk_delete(disk_id))
    round_now(account)
    assert not Disk.objects.filter(account=account, remote_id=disk_id).exists()


def test_a_reading_that_began_earlier_does_not_undo_a_later_one(account: Account, remote: Member) -> None:
    from hosting.inventory import mirror

    vm_id = remote.new_vm()
    session = client_for(account, Priority.MIRROR)
    early = mirror.Reading()
    early.vms[vm_id] = session.call(lambda client: client.vm_info(vm_id))
    remote.done(remote.vm_stop(vm_id))
    mirror.refresh(session, vms=[vm_id])
    mirror.apply(account, early)
    assert Vm.objects.get(account=account, remote_id=vm_id).state == Vm.State.HALTED
    mirror.apply(account, mirror.Reading(read_at=early.read_at, gone_vms={vm_id}))
    assert Vm.objects.filter(account=account, remote_id=vm_id).exists()


def test_disks_keep_the_order_that_their_server_gives_them(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm()
    first, second = remote.new_disk(name="first"), remote.new_disk(name="second")
    remote.done(remote.disk_attach(second, vm_id))
    remote.done(remote.disk_attach(first, vm_id))
    round_now(account)
    mirrored = Disk.objects.filter(account=account, vm_remote_id=vm_id).order_by("position")
    assert [disk.remote_id for disk in mirrored] == remote.vm_disk_list(vm_id)


def test_the_version_grows_only_when_something_changed(account: Account, remote: Member, engine: Engine) -> None:
    round_now(account)
    account.refresh_from_db()
    before = account.version
    round_now(account)
    account.refresh_from_db()
    assert account.version == before
    remote.new_disk()
    round_now(account)
    account.refresh_from_db()
    assert account.version > before


def test_a_server_brings_its_disks_along(account: Account, remote: Member, counted: list[str]) -> None:
    vm_id = remote.new_vm()
    round_now(account)
    system = Disk.objects.get(account=account, vm_remote_id=vm_id).remote_id
    session = client_for(account, Priority.MIRROR)
    counted.clear()
    mirror.refresh(session, vms=[vm_id], disks=[system])
    assert counted == ["_outcome"]


def test_a_disk_that_has_left_its_server_is_read_by_itself(
    account: Account, remote: Member, counted: list[str]
) -> None:
    vm_id, disk_id = remote.new_vm(), remote.new_disk()
    remote.done(remote.disk_attach(disk_id, vm_id))
    round_now(account)
    disks = {disk.remote_id for disk in Disk.objects.filter(account=account, vm_remote_id=vm_id)}
    assert len(disks) == 2
    remote.done(remote.disk_detach(disk_id, vm_id))
    session = client_for(account, Priority.MIRROR)
    counted.clear()
    mirror.refresh(session, vms=[vm_id], disks=disks)
    assert counted == ["_outcome"] * 2
    free = Disk.objects.get(account=account, remote_id=disk_id)
    assert (free.vm_remote_id, free.state) == (None, Disk.State.CREATED)
