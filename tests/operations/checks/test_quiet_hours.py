"""Deletes are refused during the quiet hours of a team, however they are submitted."""

import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import QuietHours
from hosting.teams.models import Membership, Team
from hosting.teams.roles import NotAllowedError, Role
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


def rest(team: Team) -> datetime:
    """From an hour ago until an hour from now, which is returned."""
    now = timezone.now()
    team.quiet_from, team.quiet_until = (now - timedelta(hours=1)).time(), (now + timedelta(hours=1)).time()
    team.quiet_zone = "UTC"
    team.save()
    return now + timedelta(hours=1)


def wake(team: Team) -> None:
    team.quiet_from = team.quiet_until = None
    team.save()


def test_only_deletes_are_refused_in_quiet_hours(account: Account, owner: Membership) -> None:
    vm, disk = factories.vm(account, state="halted"), factories.disk(account)
    until = rest(owner.team)
    for kind in (catalogue.DeleteVm(vm.remote_id), catalogue.DeleteDisk(disk.remote_id)):
        with pytest.raises(QuietHours, match=rf"{until:%H:%M} \(UTC\)"):
            submit(kind, account=account, by=owner)
    assert not Operation.objects.exists()
    submit(catalogue.StartVm(vm.remote_id), account=account, by=owner)
    wake(owner.team)
    assert submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner).pk


def test_resubmitting_an_earlier_delete_in_quiet_hours_returns_the_same_operation(
    account: Account, owner: Membership
) -> None:
    disk, nonce = factories.disk(account), uuid.uuid4()
    first = submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner, nonce=nonce)
    rest(owner.team)
    assert submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner, nonce=nonce) == first


def test_failed_delete_is_not_retried_in_quiet_hours(account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="halted")
    failed = factories.operation(
        account, by=owner, kind="vm_delete", params={"vm_id": vm.remote_id}, state="failed", vm_id=vm.remote_id
    )
    rest(owner.team)
    with pytest.raises(QuietHours):
        retry(failed, by=owner)


def test_permission_is_checked_before_quiet_hours(account: Account, owner: Membership) -> None:
    viewer = factories.member(Role.VIEWER, of=owner.team)
    rest(owner.team)
    with pytest.raises(NotAllowedError):
        submit(catalogue.DeleteVm(factories.vm(account, state="halted").remote_id), account=account, by=viewer)


def test_bulk_delete_pauses_in_quiet_hours_and_resumes_afterwards(account: Account, owner: Membership) -> None:
    disks = [factories.disk(account) for _ in range(3)]
    chosen = [(disk.remote_id, disk.name) for disk in disks]
    bulk = bulks.begin("disk_delete", chosen, account=account, by=owner, nonce=uuid.uuid4())
    rest(owner.team)
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.problem) == (Bulk.State.PAUSED, Bulk.Problem.QUIET)
    # Nothing of it has failed.
    assert set(bulk.rows.values_list("state", flat=True)) == {BulkRow.State.WAITING}
    with pytest.raises(QuietHours):
        bulks.resume(bulk, by=owner)
    wake(owner.team)
    bulks.resume(bulk, by=owner)
    advance_bulk(bulk.pk)
    assert bulk.rows.filter(state=BulkRow.State.RUNNING).count() == 3


def test_bulk_delete_cannot_start_in_quiet_hours(account: Account, owner: Membership) -> None:
    rest(owner.team)
    with pytest.raises(QuietHours):
        bulks.begin("disk_delete", [(1, "one")], account=account, by=owner, nonce=uuid.uuid4())
    assert not Bulk.objects.exists()
    assert bulks.begin("vm_stop", [(1, "one")], account=account, by=owner, nonce=uuid.uuid4())
