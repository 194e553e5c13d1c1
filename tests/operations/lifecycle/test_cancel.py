"""A request that is queued at the provider is cancelled there: asked for once, learnt by tracking, told calmly."""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sessions import ApiSession
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.operations.capacity.overview import overview
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.cancel import cancel, may_cancel, send
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.operations.plans.new_server import NewServer
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import Member
from tests.engine import HANDLES, Engine
from tests.processes import Provider, start_provider

Cancel = Operation.Cancel
SECRET = "r00t-of-the-box"
CREATE = catalogue.CreateVm("web-1", 111, 2, 1, "admin")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider of our own, whose worker can be kept from beginning anything."""
    running = start_provider(tmp_path_factory.mktemp("queued"))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def handles(provider: Provider) -> Iterator[str]:
    provider.shell(HANDLES)
    return iter([f"E{number:02}-TEST" for number in range(240)])


@pytest.fixture
def idle(provider: Provider, account: Account) -> Iterator[Provider]:
    """The provider takes requests and begins none of them."""
    provider.kill_worker()
    yield provider
    if provider.worker.popen.poll() is not None:
        provider.worker.start()


@pytest.fixture
def queued(idle: Provider, account: Account, owner: Membership, engine: Engine) -> Operation:
    operation = submit(CREATE, account=account, by=owner, secret=SECRET)

    def is_queued() -> bool:
        operation.refresh_from_db()
        return operation.remote_state == "PENDING"

    engine.until(is_queued)
    engine.queue.clear()
    return operation


def free_shares(account: Account) -> float:
    capacity = overview(account)
    assert capacity
    return capacity.free.shares


def test_what_is_queued_at_the_provider_is_cancelled_there_and_its_shares_are_free_again(
    queued: Operation, account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    assert free_shares(account) == 6
    assert may_cancel(queued, owner)
    assert cancel(queued, by=owner)
    queued.refresh_from_db()
    assert (queued.state, queued.cancel_state) == (State.TRACKED, Cancel.ASKED)
    assert list(engine.queue) == [(Job.CANCEL, (queued.pk,))]
    assert engine.finish(queued).state == State.CANCELLED
    assert remote.operation_details(queued.remote_id)["state"] == "CANCEL"
    assert free_shares(account) == 8
    entry = AuditEntry.objects.get(action="operation.cancel_asked")
    assert (entry.actor, entry.operation_id) == (owner.user, queued.pk)


def test_asking_twice_is_asking_once(
    queued: Operation, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cancel(queued, by=owner)
    assert not cancel(queued, by=owner)
    calls = []
    call = ApiSession.call

    def counted(session: ApiSession, do: object) -> object:
        calls.append(do)
        return call(session, do)  # type: ignore[arg-type]

    monkeypatch.setattr(ApiSession, "call", counted)
    send(queued.pk)
    send(queued.pk)
    assert len(calls) == 1


def test_a_lost_job_is_asked_for_again(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    engine.queue.clear()
    sweep.sweep()
    assert (Job.CANCEL, (queued.pk,)) not in engine.queue
    Operation.objects.update(cancel_requested_at=timezone.now() - timedelta(seconds=6))
    assert engine.finish(queued).state == State.CANCELLED


def test_too_late_is_told_and_the_operation_goes_on(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider, remote: Member
) -> None:
    cancel(queued, by=owner)
    idle.worker.start()
    remote.done(queued.remote_id or 0)
    send(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.cancel_state) == (State.TRACKED, Cancel.TOO_LATE)
    assert engine.finish(queued).state == State.DONE


def test_what_is_known_to_run_is_not_asked_for(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    Operation.objects.update(remote_state="RUN")
    send(queued.pk)
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.TOO_LATE
    assert not may_cancel(queued, owner)
    assert not cancel(queued, by=owner)


def test_a_cancel_without_an_answer_is_never_sent_again_by_itself(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider
) -> None:
    cancel(queued, by=owner)
    with idle.faults("operation_cancel:drop_before@1"):
        engine.drain()
        queued.refresh_from_db()
        assert queued.cancel_state == Cancel.UNANSWERED
        Operation.objects.update(cancel_requested_at=timezone.now() - timedelta(minutes=1))
        sweep.sweep()
        engine.drain()
    queued.refresh_from_db()
    assert (queued.state, queued.cancel_state) == (State.TRACKED, Cancel.UNANSWERED)
    # A person may ask once more.
    assert cancel(queued, by=owner)
    assert engine.finish(queued).state == State.CANCELLED


def test_a_cancel_that_happened_without_an_answer_is_learnt_by_tracking(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider
) -> None:
    cancel(queued, by=owner)
    with idle.faults("operation_cancel:drop_after@1"):
        assert engine.finish(queued).state == State.CANCELLED


def test_a_worker_that_died_while_asking_leaves_it_unanswered(
    queued: Operation, owner: Membership, engine: Engine
) -> None:
    cancel(queued, by=owner)
    engine.queue.clear()
    Operation.objects.update(cancel_state=Cancel.SENT, cancel_sent_at=timezone.now() - timedelta(hours=1))
    sweep.sweep()
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.UNANSWERED


def test_nothing_is_asked_of_an_endpoint_that_is_away(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    Endpoint.objects.update(away_since=timezone.now(), probe_due_at=timezone.now() + timedelta(hours=1))
    engine.drain()
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.ASKED


def test_a_cancelled_step_stops_its_plan(idle: Provider, account: Account, owner: Membership, engine: Engine) -> None:
    spec = NewServer("shop", 0, "1m", 111, 2, 1, "admin", 4096, "shop-data", "xfs")
    plan = plans.draft(spec, account=account, by=owner, nonce=uuid.uuid4(), password=SECRET)
    plans.start(plan, by=owner)
    operation = plan.operations.get()
    engine.until(lambda: Operation.objects.filter(pk=operation.pk, remote_state="PENDING").exists())
    assert cancel(operation, by=owner)
    engine.finish(operation)
    engine.drain()
    plan.refresh_from_db()
    assert plan.state == Plan.State.STOPPED
    assert [step.state for step in steps.steps(plan)] == ["skipped", "done", "stopped", "todo", "todo"]


def test_who_may_not_ask_may_not_cancel(queued: Operation, owner: Membership) -> None:
    owner.role = Role.BILLING
    with pytest.raises(NotAllowedError):
        cancel(queued, by=owner)
