"""The whole life of an operation, against the real provider."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from hosting.accounts import store
from hosting.accounts.models import Account, Endpoint
from hosting.inventory.models import AccountInfo, BalanceSample, Change, Disk, Product, Vm
from hosting.operations.capacity.overview import overview
from hosting.operations.costs import observed
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle.cancel import cancel
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import Busy, EndpointAway, Invalid, NotEnough, WrongState
from hosting.operations.models.states import State
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

SECRET = "r00t-of-the-box"


def create_vm(hostname: str = "web-1", shares: int = 2) -> catalogue.CreateVm:
    return catalogue.CreateVm(hostname=hostname, os_id=111, shares=shares, cpu=1, login="admin")


def test_purchase_is_sent_tracked_and_mirrored(account: Account, owner: Membership, engine: Engine) -> None:
    operation = submit(catalogue.AddProduct("shares", 3, "1m"), account=account, by=owner)
    engine.finish(operation)
    assert operation.state == State.DONE
    assert operation.remote_id is not None
    assert operation.product_id is not None
    capacity = overview(account)
    assert capacity is not None
    assert capacity.granted.shares == 11
    assert Product.objects.filter(account=account, remote_id=operation.product_id or 0, quantity=3).exists()
    assert BalanceSample.objects.filter(account=account).count() == 2
    assert AccountInfo.objects.get(account=account).balance < 500
    # As after a later look, which finds that nobody else was at work. What was bought before the import is too near.
    Operation.objects.filter(origin=Operation.Origin.EXTERNAL).delete()
    Account.objects.update(operations_cursor=timezone.now() + timedelta(minutes=1))
    observed.attribute_costs(account)
    operation.refresh_from_db()
    # Three shares at 12 for a month.
    assert operation.cost == 36


def test_server_is_created_and_its_root_password_is_erased(account: Account, owner: Membership, engine: Engine) -> None:
    operation = submit(create_vm(), account=account, by=owner, secret=SECRET)
    assert operation.sealed_secret
    assert SECRET not in operation.sealed_secret
    engine.finish(operation)
    assert operation.state == State.DONE
    assert operation.sealed_secret == ""
    vm = Vm.objects.get(account=account, remote_id=operation.vm_id or 0)
    assert (vm.hostname, vm.state, vm.shares) == ("web-1", Vm.State.RUNNING, 2)
    system = Disk.objects.get(account=account, vm_remote_id=vm.remote_id)
    assert system.is_boot_disk
    assert system.position == 0
    assert SECRET not in str(list(AuditEntry.objects.values()) + list(Operation.objects.values()))


def test_every_kind_of_operation_works(account: Account, owner: Membership, engine: Engine, remote: Member) -> None:
    def done(kind: Kind, secret: str = "") -> Operation:
        operation = engine.finish(submit(kind, account=account, by=owner, secret=secret))
        assert operation.state == State.DONE, (kind, operation.state, operation.problem)
        return operation

    vm_id = done(create_vm(), SECRET).vm_id or 0
    disk_id = done(catalogue.CreateDisk(2048, "data", "xfs")).disk_id or 0
    done(catalogue.AttachDisk(disk_id, vm_id))
    assert Disk.objects.get(account=account, remote_id=disk_id).position == 1
    assert remote.vm_disk_list(vm_id)[1] == disk_id
    done(catalogue.RebootVm(vm_id))
    done(catalogue.DetachDisk(disk_id, vm_id))
    done(catalogue.StopVm(vm_id))
    done(catalogue.UpdateVm(vm_id, shares=3, cpu=2))
    assert Vm.objects.get(account=account, remote_id=vm_id).shares == 3
    done(catalogue.StartVm(vm_id))
    done(catalogue.DeleteDisk(disk_id))
    assert not Disk.objects.filter(account=account, remote_id=disk_id).exists()
    done(catalogue.StopVm(vm_id))
    done(catalogue.DeleteVm(vm_id))
    assert not Vm.objects.filter(account=account).exists()
    product_id = done(catalogue.AddProduct("disk", 4096, "1m")).product_id or 0
    done(catalogue.UpdateProduct(product_id, 8192))
    done(catalogue.RenewProduct(product_id, "2m"))
    done(catalogue.RemoveProduct(product_id))
    assert not Product.objects.filter(account=account, remote_id=product_id).exists()
    assert not Change.objects.exists(), list(Change.objects.values())
    assert remote.disk_list() == sorted(Disk.objects.values_list("remote_id", flat=True))


def test_submitting_the_same_form_twice_creates_one_operation(
    account: Account, owner: Membership, engine: Engine
) -> None:
    nonce = uuid.uuid4()
    first = submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner, nonce=nonce)
    assert submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner, nonce=nonce).pk == first.pk
    engine.finish(first)
    assert submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner, nonce=nonce).pk == first.pk
    assert AuditEntry.objects.filter(action="operation.hosting_account_product_add").count() == 1


def test_object_has_at_most_one_unfinished_operation(account: Account, owner: Membership, engine: Engine) -> None:
    vm_id = engine.finish(submit(create_vm(), account=account, by=owner, secret=SECRET)).vm_id or 0
    first = submit(catalogue.StopVm(vm_id), account=account, by=owner)
    with pytest.raises(Busy) as busy:
        submit(catalogue.RebootVm(vm_id), account=account, by=owner)
    assert busy.value.operation_id == first.pk
    assert "owner@example.org" in str(busy.value)


def test_reserved_shares_cannot_be_used_again(account: Account, owner: Membership) -> None:
    submit(create_vm("a", shares=5), account=account, by=owner, secret=SECRET)
    with pytest.raises(NotEnough) as refused:
        submit(create_vm("b", shares=4), account=account, by=owner, secret=SECRET)
    assert refused.value.field == "shares"
    assert "3 are free" in str(refused.value)


def test_reserved_shares_are_freed_after_a_refusal(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    remote.new_vm(shares=6, hostname="outside")
    operation = submit(create_vm(shares=5), account=account, by=owner, secret=SECRET)
    engine.finish(operation)
    assert operation.state == State.REFUSED
    assert operation.problem["code"] >= 500_000
    capacity = overview(account)
    assert capacity is not None
    assert capacity.reserved.shares == 0


@pytest.mark.parametrize(
    ("kind", "secret", "field"),
    [
        (catalogue.CreateVm("bad_name", 111, 1, 1, "admin"), SECRET, "hostname"),
        (catalogue.CreateVm("web", 111, 1, 1, "root"), SECRET, "login"),
        (catalogue.CreateVm("web", 111, 1, 2, "admin"), SECRET, "cpu"),
        (catalogue.CreateVm("web", 111, 0, 1, "admin"), SECRET, "shares"),
        (catalogue.CreateVm("web", 111, 1, 1, "admin"), "short1", "password"),
        (catalogue.CreateVm("web", 111, 1, 1, "admin"), "no-digits-here", "password"),
        (catalogue.CreateVm("web", 4711, 1, 1, "admin"), SECRET, "os_id"),
        (catalogue.CreateDisk(1023, "data", "xfs"), "", "size_mb"),
        (catalogue.CreateDisk(2048, " ", "xfs"), "", "name"),
        (catalogue.CreateDisk(2048, "data", "ntfs"), "", "fstype"),
        (catalogue.AddProduct("shares", 0, "1m"), "", "quantity"),
        (catalogue.AddProduct("shares", 1, "61m"), "", "duration"),
        (catalogue.AddProduct("gold", 1, "1m"), "", "product_name"),
    ],
)
def test_bad_input_is_refused_before_any_call(
    account: Account, owner: Membership, kind: Kind, secret: str, field: str
) -> None:
    with pytest.raises((Invalid, WrongState)) as refused:
        submit(kind, account=account, by=owner, secret=secret)
    assert refused.value.field == field
    assert not Operation.objects.filter(origin="panel").exists()


def test_operation_needs_the_permission_of_its_kind(account: Account, owner: Membership) -> None:
    viewer = Membership.objects.create(
        team=owner.team, user=User.objects.create_user("v@example.org"), role=Role.VIEWER
    )
    with pytest.raises(NotAllowedError):
        submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=viewer)


def test_member_of_another_team_has_no_access(account: Account, owner: Membership) -> None:
    stranger = Membership.objects.create(
        team=Team.objects.create(name="Other"), user=User.objects.create_user("s@example.org"), role=Role.OWNER
    )
    with pytest.raises(NotAllowedError):
        submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=stranger)
    assert not Account.objects.visible_to(stranger).exists()
    assert not Product.objects.visible_to(stranger).exists()


def test_operations_are_not_sent_when_the_provider_is_down(account: Account, owner: Membership, engine: Engine) -> None:
    account.endpoint.url = "http://127.0.0.1:9/xmlrpc/"
    account.endpoint.save()
    for _ in range(3):
        operation = submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner)
        engine.drain()
        operation.refresh_from_db()
        assert operation.state == State.NOT_SENT
    account.endpoint.refresh_from_db()
    assert account.endpoint.away_since
    with pytest.raises(EndpointAway):
        submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner)
    assert Operation.objects.filter(origin="panel").count() == 3


def test_endpoint_recovery_is_noticed(account: Account, owner: Membership, engine: Engine, provider: Provider) -> None:
    account.endpoint.url = "http://127.0.0.1:9/xmlrpc/"
    account.endpoint.save()
    Account.objects.update(round_due_at=None)

    def is_away() -> bool:
        Account.objects.update(round_due_at=None)
        account.endpoint.refresh_from_db()
        return account.endpoint.away_since is not None

    engine.until(is_away)
    Endpoint.objects.filter(pk=account.endpoint_id).update(url=provider.url)
    engine.until(lambda: not is_away())


def test_waiting_operation_can_be_withdrawn(account: Account, owner: Membership, engine: Engine) -> None:
    operation = submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner)
    assert cancel(operation, by=owner)
    assert not cancel(operation, by=owner)
    engine.drain()
    operation.refresh_from_db()
    assert operation.state == State.CANCELLED
    assert operation.remote_id is None


def test_failed_operation_explains_itself_and_can_be_retried(
    account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    with provider.faults("disk_create:fail@1"):
        failed = engine.finish(submit(catalogue.CreateDisk(2048, "data", "xfs"), account=account, by=owner))
    assert failed.state == State.FAILED
    assert failed.problem["reason"] == "ended_in_error"
    again = engine.finish(retry(failed, by=owner))
    assert again.state == State.DONE
    assert again.retry_of_id == failed.pk
    with pytest.raises(WrongState):
        retry(again, by=owner)


def test_losing_all_redis_keys_loses_no_operation(account: Account, owner: Membership, engine: Engine) -> None:
    operation = submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner)
    engine.queue.clear()
    store.connection().flushdb()
    assert engine.finish(operation).state == State.DONE


def test_external_operation_cannot_be_withdrawn(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    remote.new_vm()
    Account.objects.update(round_due_at=None)
    outside = Operation.objects.filter(origin=Operation.Origin.EXTERNAL, kind="vm_create")
    engine.until(outside.exists)
    assert not cancel(outside.get(), by=owner)
