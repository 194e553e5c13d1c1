"""Rename and reinstall a server and name its addresses, at a provider that offers it (docs/extensions.md)."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import unseal
from hosting.api import EXTENSIONS, ONCE
from hosting.inventory.models import Change, Disk, Vm
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import Invalid, WrongState
from hosting.operations.models.states import State
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, User
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

PASSWORD = "an0ther-password"
OTHER_OS = 110


@pytest.fixture(autouse=True)
def with_extensions(engine: Engine, account: Account, settings: Settings) -> None:
    settings.API_EXTENSIONS = True
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=sorted(EXTENSIONS))
    account.endpoint.refresh_from_db()


@pytest.fixture
def vm(account: Account, engine: Engine, remote: Member) -> Vm:
    """A stopped server that the panel knows."""
    vm_id = remote.new_vm(hostname="before")
    remote.done(remote.vm_stop(vm_id))
    Account.objects.update(round_due_at=None)
    known = Vm.objects.filter(account=account, remote_id=vm_id, state=Vm.State.HALTED)
    engine.until(known.exists)
    Change.objects.all().delete()
    found: Vm = known.get()
    return found


def address_of(vm: Vm) -> int:
    return int(vm.ifaces[0]["ips"][0]["id"])


def change(kind: str, vm: Vm) -> tuple[Kind, str]:
    """An operation of that kind, and its secret."""
    kinds: dict[str, tuple[Kind, str]] = {
        "rename": (RenameVm(vm.remote_id, "after"), ""),
        "reinstall": (ReinstallVm(vm.remote_id, OTHER_OS), PASSWORD),
        "reverse": (NameAddress(vm.remote_id, address_of(vm), "www.example.net"), ""),
    }
    return kinds[kind]


def result(remote: Member, vm: Vm) -> dict[str, Any]:
    """What the changes lead to, as the provider tells it."""
    told = remote.vm_info(vm.remote_id)
    return {
        "rename": told["hostname"],
        "reinstall": told["os_id"],
        "reverse": told["ifaces"][0]["ips"][0]["reverse"],
    }


WANTED = {"rename": "after", "reinstall": OTHER_OS, "reverse": "www.example.net"}
every_kind = pytest.mark.parametrize("name", list(WANTED))


@every_kind
def test_change_is_carried_out_and_shown(
    account: Account, owner: Membership, engine: Engine, remote: Member, vm: Vm, name: str
) -> None:
    kind, secret = change(name, vm)
    operation = engine.finish(submit(kind, account=account, by=owner, secret=secret))
    assert (operation.state, operation.subject, operation.vm_id) == (State.DONE, "before", vm.remote_id)
    assert result(remote, vm)[name] == WANTED[name]
    vm.refresh_from_db()
    assert {
        "rename": vm.hostname,
        "reinstall": vm.os_id,
        "reverse": vm.ifaces[0]["ips"][0]["reverse"],
    }[name] == WANTED[name]
    # What an operation of ours has changed is no external change.
    assert not Change.objects.exists()
    requested = AuditEntry.objects.get(action=f"operation.{kind.method}")
    assert requested.before != requested.after
    assert PASSWORD not in str(list(AuditEntry.objects.values_list())) + str(Operation.objects.values_list())


@every_kind
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "503", "503_after"])
def test_change_without_an_answer_is_made_once(
    account: Account,
    owner: Membership,
    engine: Engine,
    provider: Provider,
    remote: Member,
    vm: Vm,
    name: str,
    fault: str,
) -> None:
    kind, secret = change(name, vm)
    operation = submit(kind, account=account, by=owner, secret=secret)
    with provider.faults(f"{kind.method}:{fault}@1"):
        assert engine.finish(operation).state == State.DONE
    assert remote.operation_list({"type": kind.method}) == [operation.remote_id]
    assert operation.sealed_secret == ""


def test_change_without_an_answer_or_a_key_is_found_in_the_list(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, vm: Vm
) -> None:
    listed = sorted(set(EXTENSIONS) - {ONCE})
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=listed)
    kind, _ = change("reverse", vm)
    # The provider's default again, which is no name, is another change.
    remote.done(getattr(remote, kind.method)(address_of(vm), ""))
    operation = submit(kind, account=account, by=owner)
    with provider.faults(f"{kind.method}:drop_after@1"):
        assert engine.finish(operation).state == State.DONE
    assert not operation.keyed
    assert remote.operation_details(operation.remote_id)["params"]["name"] == "www.example.net"


@every_kind
def test_failed_change_leaves_the_server_and_can_be_retried(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, vm: Vm, name: str
) -> None:
    kind, secret = change(name, vm)
    before = result(remote, vm)
    operation = submit(kind, account=account, by=owner, secret=secret)
    with provider.faults(f"{kind.method}:fail@1"):
        assert engine.finish(operation).state == State.FAILED
    assert result(remote, vm) == before
    if secret:
        with pytest.raises(Invalid):
            retry(operation, by=owner)
    assert engine.finish(retry(operation, by=owner, secret=secret)).state == State.DONE
    assert result(remote, vm)[name] == WANTED[name]


@every_kind
def test_provider_that_does_not_offer_it_is_not_asked(
    account: Account, owner: Membership, vm: Vm, name: str, counted: list[str]
) -> None:
    kind, secret = change(name, vm)
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=sorted(set(EXTENSIONS) - {kind.method}))
    with pytest.raises(WrongState, match="doesn't offer"):
        submit(kind, account=account, by=owner, secret=secret)
    assert not Operation.objects.filter(kind=kind.method).exists()
    assert counted == []


def test_password_of_a_new_system_is_kept_sealed_until_it_is_answered(
    account: Account, owner: Membership, engine: Engine, provider: Provider, vm: Vm
) -> None:
    kind, secret = change("reinstall", vm)
    operation = submit(kind, account=account, by=owner, secret=secret)
    with provider.faults(f"{kind.method}:drop_after"):
        engine.drain()
    operation.refresh_from_db()
    assert operation.state == State.UNCERTAIN
    assert unseal(operation.sealed_secret) == PASSWORD
    assert engine.finish(operation).state == State.DONE
    assert operation.sealed_secret == ""


def test_reinstall_needs_a_stopped_server_a_system_that_fits_and_a_password(
    account: Account, owner: Membership, vm: Vm
) -> None:
    kind = ReinstallVm(vm.remote_id, OTHER_OS)
    with pytest.raises(Invalid):
        submit(kind, account=account, by=owner, secret="short1")
    with pytest.raises(WrongState, match="system disk has 2048 MB"):
        submit(ReinstallVm(vm.remote_id, 108), account=account, by=owner, secret=PASSWORD)
    with pytest.raises(WrongState, match="no longer available"):
        submit(ReinstallVm(vm.remote_id, 9), account=account, by=owner, secret=PASSWORD)
    Vm.objects.filter(pk=vm.pk).update(state=Vm.State.RUNNING)
    with pytest.raises(WrongState, match="must be “Stopped”"):
        submit(kind, account=account, by=owner, secret=PASSWORD)
    Vm.objects.filter(pk=vm.pk).update(state=Vm.State.HALTED)
    Disk.objects.filter(account=account).update(is_boot_disk=False)
    with pytest.raises(WrongState, match="no system disk"):
        submit(kind, account=account, by=owner, secret=PASSWORD)


def test_names_must_be_host_names_and_different(account: Account, owner: Membership, vm: Vm) -> None:
    for kind in (RenameVm(vm.remote_id, "web_1"), NameAddress(vm.remote_id, address_of(vm), "www example")):
        with pytest.raises(Invalid):
            submit(kind, account=account, by=owner)
    with pytest.raises(WrongState, match="already has this name"):
        submit(RenameVm(vm.remote_id, "before"), account=account, by=owner)
    with pytest.raises(WrongState, match="no longer has this address"):
        submit(NameAddress(vm.remote_id, address_of(vm) + 2, "www"), account=account, by=owner)


def test_only_who_may_delete_reinstalls(account: Account, owner: Membership, vm: Vm) -> None:
    user = User.objects.create_user("operator@example.org")
    operator = Membership.objects.create(team=owner.team, user=user, role=Role.OPERATOR_WITHOUT_DELETE)
    kind, secret = change("reinstall", vm)
    with pytest.raises(NotAllowedError):
        submit(kind, account=account, by=operator, secret=secret)
    assert submit(change("rename", vm)[0], account=account, by=operator).state == State.WAITING


@every_kind
def test_change_made_elsewhere_is_an_external_operation(
    account: Account, engine: Engine, remote: Member, vm: Vm, name: str
) -> None:
    kind, secret = change(name, vm)
    arguments = {
        "rename": (vm.remote_id, "after"),
        "reinstall": (vm.remote_id, OTHER_OS, PASSWORD),
        "reverse": (address_of(vm), "www.example.net"),
    }[name]
    remote.done(getattr(remote, kind.method)(*arguments))
    Account.objects.update(round_due_at=None)
    rows = account.operations.filter(kind=kind.method, origin=Operation.Origin.EXTERNAL, state=State.DONE)
    engine.until(rows.exists)
    row = rows.get()
    assert row.vm_id == vm.remote_id
    assert row.subject
    assert secret not in str(row.params) or not secret
