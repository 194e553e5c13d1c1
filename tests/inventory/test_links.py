"""Device names of disks are read once when a server is viewed, and cleared when a disk moves."""

import pytest

from hosting.accounts import limits
from hosting.accounts.limits import NoAllowanceError
from hosting.accounts.models import Account
from hosting.api import Client, DataFault
from hosting.inventory.models import Disk, Vm
from hosting.inventory.refresh import request_links
from hosting.operations import rounds
from tests.contract.conftest import Member
from tests.engine import Engine


def look(account: Account, vm_id: int) -> None:
    request_links(
        Vm.objects.get(account=account, remote_id=vm_id), Disk.objects.filter(account=account, vm_remote_id=vm_id)
    )


def test_device_names_are_read_once_and_cleared_when_a_disk_is_detached(
    engine: Engine, account: Account, remote: Member
) -> None:
    vm_id, disk_id = remote.new_vm(), remote.new_disk()
    remote.done(remote.disk_attach(disk_id, vm_id))
    rounds.round_of(account)
    look(account, vm_id)
    look(account, vm_id)
    assert len(engine.queue) == 1
    engine.drain()
    disk = Disk.objects.get(account=account, remote_id=disk_id)
    assert (disk.position, disk.device) == (1, remote.vm_disk_link(vm_id, disk_id)["device"])
    assert disk.device.startswith("/dev/")
    look(account, vm_id)
    assert not engine.queue

    remote.done(remote.disk_detach(disk_id, vm_id))
    account.refresh_from_db()
    rounds.round_of(account)
    disk.refresh_from_db()
    assert (disk.vm_remote_id, disk.position, disk.device) == (None, None, "")


def test_device_names_are_asked_for_again_when_the_rate_limit_left_no_room(
    engine: Engine, account: Account, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open page is rendered again, which asks again: otherwise nothing would tell it that they are missing."""
    vm_id = remote.new_vm()
    rounds.round_of(account)
    engine.drain()

    def no_room(*_arguments: object, **_options: object) -> None:
        raise NoAllowanceError

    before = Account.objects.get(pk=account.pk).version
    with monkeypatch.context() as patched:
        patched.setattr(limits, "take", no_room)
        look(account, vm_id)
        engine.drain()
    assert Account.objects.get(pk=account.pk).version > before
    look(account, vm_id)
    engine.drain()
    assert Disk.objects.get(account=account, vm_remote_id=vm_id).device


def test_server_whose_disks_the_provider_will_not_list_is_not_asked_again_at_once(
    engine: Engine, account: Account, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm_id = remote.new_vm()
    rounds.round_of(account)
    engine.drain()

    def refused(*_arguments: object) -> None:
        raise DataFault(580140, "DataError: unknown")

    monkeypatch.setattr(Client, "vm_disk_list", refused)
    look(account, vm_id)
    engine.drain()
    look(account, vm_id)
    assert not engine.queue
