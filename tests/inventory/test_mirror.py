"""The mirror matches the provider with few calls and records external changes."""

import pytest

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.inventory import mirror, progress, reading
from hosting.inventory.apply import no_change_explained
from hosting.inventory.models import AccountInfo, Change, Disk, OsImage, Product, Vm
from hosting.operations import rounds
from hosting.operations.models.operation import Operation
from tests.contract.conftest import Member
from tests.engine import Engine


def round_now(account: Account) -> None:
    account.refresh_from_db()
    rounds.round_of(account)


def test_first_import_reads_everything_and_records_no_changes(account: Account) -> None:
    info = AccountInfo.objects.get(account=account)
    assert info.currency == "EUR"
    assert info.granted["shares"] == 8
    assert Product.objects.filter(account=account).count() == 1
    assert OsImage.objects.filter(account=account, remote_id=111).exists()
    assert not Change.objects.exists()


def test_idle_round_makes_five_calls(account: Account, counted: list[str]) -> None:
    round_now(account)
    counted.clear()
    round_now(account)
    assert sorted(counted) == [
        "account_balance",
        "disk_list",
        "hosting_account_info",
        "operation_list",
        "vm_list",
    ]


def test_external_objects_appear_within_one_round(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm(hostname="elsewhere")
    disk_id = remote.new_disk(name="spare")
    round_now(account)
    assert Vm.objects.get(account=account, remote_id=vm_id).hostname == "elsewhere"
    assert Disk.objects.get(account=account, remote_id=disk_id).state == Disk.State.CREATED
    outside = Operation.objects.filter(account=account, origin=Operation.Origin.EXTERNAL)
    assert {operation.kind for operation in outside} >= {"vm_create", "disk_create"}


def test_external_change_is_mirrored_within_one_round(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm()
    round_now(account)
    remote.done(remote.vm_stop(vm_id))
    Operation.objects.all().delete()
    round_now(account)
    assert Vm.objects.get(account=account, remote_id=vm_id).state == Vm.State.HALTED


def test_externally_deleted_object_is_gone_within_one_round(account: Account, remote: Member) -> None:
    disk_id = remote.new_disk()
    round_now(account)
    remote.done(remote.disk_delete(disk_id))
    round_now(account)
    assert not Disk.objects.filter(account=account, remote_id=disk_id).exists()


def test_disks_keep_the_order_of_their_server(account: Account, remote: Member) -> None:
    vm_id = remote.new_vm()
    first, second = remote.new_disk(name="first"), remote.new_disk(name="second")
    remote.done(remote.disk_attach(second, vm_id))
    remote.done(remote.disk_attach(first, vm_id))
    round_now(account)
    mirrored = Disk.objects.filter(account=account, vm_remote_id=vm_id).order_by("position")
    assert [disk.remote_id for disk in mirrored] == remote.vm_disk_list(vm_id)


def test_version_grows_only_when_something_changed(account: Account, remote: Member, engine: Engine) -> None:
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


def test_reading_a_server_includes_its_disks(account: Account, remote: Member, counted: list[str]) -> None:
    vm_id = remote.new_vm()
    round_now(account)
    system = Disk.objects.get(account=account, vm_remote_id=vm_id).remote_id
    session = client_for(account, Priority.MIRROR)
    counted.clear()
    mirror.refresh(session, vms=[vm_id], disks=[system])
    assert counted == ["vm_info"]


def test_detached_disk_is_read_separately(account: Account, remote: Member, counted: list[str]) -> None:
    vm_id, disk_id = remote.new_vm(), remote.new_disk()
    remote.done(remote.disk_attach(disk_id, vm_id))
    round_now(account)
    disks = {disk.remote_id for disk in Disk.objects.filter(account=account, vm_remote_id=vm_id)}
    assert len(disks) == 2
    remote.done(remote.disk_detach(disk_id, vm_id))
    session = client_for(account, Priority.MIRROR)
    counted.clear()
    mirror.refresh(session, vms=[vm_id], disks=disks)
    assert counted == ["vm_info", "disk_info"]
    free = Disk.objects.get(account=account, remote_id=disk_id)
    assert (free.vm_remote_id, free.state) == (None, Disk.State.CREATED)


def test_first_import_reports_progress(account: Account, remote: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_CHUNK", 1)
    for _ in range(2):
        remote.new_vm()
    remote.new_disk()
    account.mirrored_at = None
    told: list[tuple[int, int]] = []

    def on_progress() -> None:
        if seen := progress.current(account.pk):
            told.append((seen.done, seen.total))

    mirror.sweep(client_for(account, Priority.MIRROR), explained=no_change_explained, on_progress=on_progress)
    assert told == [(2, 5), (4, 5)]
    assert progress.current(account.pk) == progress.Progress(5, 5, 0)


def test_interrupted_import_continues_where_it_stopped(
    account: Account, remote: Member, counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vm_ids = [remote.new_vm() for _ in range(3)]
    session = client_for(account, Priority.MIRROR)
    mirror.refresh(session, vms=vm_ids[:2])
    counted.clear()
    mirror.sweep(session, explained=no_change_explained)
    assert counted == ["vm_list", "disk_list", "vm_info"]
