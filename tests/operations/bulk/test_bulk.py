"""Bulk actions: a limited number of operations at a time, each object once, and failures do not stop the rest."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from hosting.accounts.models import Account, Endpoint
from hosting.inventory.models import Vm
from hosting.jobs import Job
from hosting.operations import rounds, sweep
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import Invalid, WrongState
from hosting.operations.models.states import OPEN, State
from hosting.teams import settings as team_settings
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests import factories
from tests.contract.conftest import Member
from tests.engine import Engine

STOP = catalogue.StopVm.method


@pytest.fixture
def servers(account: Account, remote: Member, engine: Engine) -> list[tuple[int, str]]:
    """Five running servers."""
    for number in range(5):
        remote.new_vm(hostname=f"web-{number}")
    rounds.round_of(account)
    engine.drain()
    return list(Vm.objects.filter(account=account).order_by("remote_id").values_list("remote_id", "hostname"))


def begin(account: Account, by: Membership, objects: list[tuple[int, str]], nonce: uuid.UUID | None = None) -> Bulk:
    return bulks.begin(STOP, objects, account=account, by=by, nonce=nonce or uuid.uuid4())


def finish(engine: Engine, bulk: Bulk) -> Bulk:
    def is_over() -> bool:
        bulk.refresh_from_db()
        return bulk.state != Bulk.State.RUNNING

    engine.until(is_over, 30)
    return bulk


def test_bulk_action_changes_every_object_once(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine, remote: Member
) -> None:
    bulk = finish(engine, begin(account, owner, servers))
    assert bulk.state == Bulk.State.DONE
    assert bulks.counts(bulk) == {"waiting": 0, "running": 0, "done": 5, "failed": 0}
    assert {remote.vm_info(vm_id)["state"] for vm_id, _name in servers} == {"halted"}
    assert len(remote.operation_list({"type": STOP})) == 5


def test_submitting_the_same_form_twice_creates_one_bulk_action(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine, remote: Member
) -> None:
    nonce = uuid.uuid4()
    first, second = begin(account, owner, servers, nonce), begin(account, owner, servers, nonce)
    assert first == second
    finish(engine, first)
    assert len(remote.operation_list({"type": STOP})) == 5
    assert AuditEntry.objects.filter(action="bulk.vm_stop").count() == 1


def test_bulk_action_runs_a_limited_number_of_operations_at_once(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    team_settings.update(name="Team", bulk_at_once=2, by=owner)
    bulk = begin(account, owner, servers)
    for _ in range(3):
        advance_bulk(bulk.pk)
    assert Operation.objects.filter(bulk=bulk, state__in=OPEN).count() == 2
    assert bulks.counts(finish(engine, bulk))["done"] == 5


def test_bulk_action_continues_after_a_failed_row_and_retries_it(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine, remote: Member
) -> None:
    halted = servers[2][0]
    engine.finish(submit(catalogue.StopVm(halted), account=account, by=owner))
    bulk = finish(engine, begin(account, owner, servers))
    failed = bulk.rows.get(state=BulkRow.State.FAILED)
    assert failed.object_id == halted
    assert failed.problem
    assert bulks.counts(bulk)["done"] == 4
    engine.finish(submit(catalogue.StartVm(halted), account=account, by=owner))
    assert bulks.retry_failed(bulk, by=owner) == 1
    assert bulks.counts(finish(engine, bulk)) == {"waiting": 0, "running": 0, "done": 5, "failed": 0}
    assert remote.vm_info(halted)["state"] == "halted"
    # Those that were done are not asked for again: five, and the one before.
    assert len(remote.operation_list({"type": STOP})) == 6


def test_retry_is_refused_without_failed_rows(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    bulk = finish(engine, begin(account, owner, servers[:2]))
    with pytest.raises(WrongState):
        bulks.retry_failed(bulk, by=owner)


def test_retry_skips_unconfirmed_operations(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    bulk = finish(engine, begin(account, owner, servers[:1]))
    Operation.objects.filter(bulk=bulk).update(state=State.UNCERTAIN, needs_person=True)
    bulk.rows.update(state=BulkRow.State.FAILED)
    with pytest.raises(WrongState):
        bulks.retry_failed(bulk, by=owner)


def test_paused_bulk_action_starts_no_operations_until_resumed(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    team_settings.update(name="Team", bulk_at_once=1, by=owner)
    bulk = begin(account, owner, servers[:3])
    advance_bulk(bulk.pk)
    bulks.pause(bulk, by=owner)
    engine.finish(Operation.objects.get(bulk=bulk))
    advance_bulk(bulk.pk)
    assert bulks.counts(bulk) == {"waiting": 2, "running": 0, "done": 1, "failed": 0}
    bulks.resume(bulk, by=owner)
    assert bulks.counts(finish(engine, bulk))["done"] == 3


def test_unavailable_endpoint_pauses_the_bulk_action_without_failures(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    bulk = begin(account, owner, servers)
    now = timezone.now()
    Endpoint.objects.update(away_since=now, probe_due_at=now + timedelta(hours=1))
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert bulk.state == Bulk.State.PAUSED
    assert bulk.problem
    assert bulks.counts(bulk)["waiting"] == 5
    Endpoint.objects.update(away_since=None)
    bulks.resume(bulk, by=owner)
    assert bulks.counts(finish(engine, bulk))["done"] == 5


def test_bulk_action_pauses_when_the_requester_has_left_the_team(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    operator = factories.member(Role.OPERATOR, of=owner.team)
    bulk = begin(account, operator, servers)
    operator.delete()
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert bulk.state == Bulk.State.PAUSED
    assert not Operation.objects.filter(bulk=bulk).exists()


def test_sweep_queues_a_lost_job_again(
    account: Account, owner: Membership, servers: list[tuple[int, str]], engine: Engine
) -> None:
    bulk = begin(account, owner, servers)
    engine.queue.clear()
    Bulk.objects.update(updated_at=timezone.now() - timedelta(seconds=10))
    sweep.sweep()
    assert (Job.ADVANCE_BULK, (bulk.pk,)) in engine.queue


def test_bulk_action_needs_permission_and_a_valid_number_of_objects(account: Account, owner: Membership) -> None:
    viewer = factories.member(Role.VIEWER, of=owner.team)
    stranger = factories.member(Role.OWNER)
    for nobody in (viewer, stranger):
        with pytest.raises(NotAllowedError):
            begin(account, nobody, [(1, "web")])
    with pytest.raises(Invalid):
        begin(account, owner, [])
    with pytest.raises(Invalid):
        begin(account, owner, [(number, "web") for number in range(bulks.MOST_ROWS + 1)])
    assert not Bulk.objects.exists()
