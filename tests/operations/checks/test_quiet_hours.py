"""In the quiet hours of a team nothing is deleted, whichever way it is asked for."""

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


def test_a_delete_is_refused_until_they_are_over_and_nothing_else_is(account: Account, owner: Membership) -> None:
    vm, disk = factories.vm(account, state="halted"), factories.disk(account)
    until = rest(owner.team)
    for kind in (catalogue.DeleteVm(vm.remote_id), catalogue.DeleteDisk(disk.remote_id)):
        with pytest.raises(QuietHours, match=rf"{until:%H:%M} \(UTC\)"):
            submit(kind, account=account, by=owner)
    assert not Operation.objects.exists()
    submit(catalogue.StartVm(vm.remote_id), account=account, by=owner)
    wake(owner.team)
    assert submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner).pk


def test_what_was_asked_for_before_they_began_is_still_the_same_request(account: Account, owner: Membership) -> None:
    disk, nonce = factories.disk(account), uuid.uuid4()
    first = submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner, nonce=nonce)
    rest(owner.team)
    assert submit(catalogue.DeleteDisk(disk.remote_id), account=account, by=owner, nonce=nonce) == first


def test_what_failed_is_not_tried_again_in_them(account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="halted")
    failed = factories.operation(
        account, by=owner, kind="vm_delete", params={"vm_id": vm.remote_id}, state="failed", vm_id=vm.remote_id
    )
    rest(owner.team)
    with pytest.raises(QuietHours):
        retry(failed, by=owner)


def test_a_role_that_may_not_delete_learns_that_first(account: Account, owner: Membership) -> None:
    viewer = factories.member(Role.VIEWER, of=owner.team)
    rest(owner.team)
    with pytest.raises(NotAllowedError):
        submit(catalogue.DeleteVm(factories.vm(account, state="halted").remote_id), account=account, by=viewer)


def test_a_bulk_of_deletes_that_they_reach_pauses_and_goes_on_afterwards(account: Account, owner: Membership) -> None:
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


def test_a_bulk_of_deletes_does_not_begin_in_them(account: Account, owner: Membership) -> None:
    rest(owner.team)
    with pytest.raises(QuietHours):
        bulks.begin("disk_delete", [(1, "one")], account=account, by=owner, nonce=uuid.uuid4())
    assert not Bulk.objects.exists()
    assert bulks.begin("vm_stop", [(1, "one")], account=account, by=owner, nonce=uuid.uuid4())
