"""Cancelling an operation that is queued at the provider: one call, confirmed by tracking."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sessions import ApiSession
from hosting.api import ONCE, Client
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


def test_cancelling_a_queued_operation_frees_its_shares(
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


def test_cancelling_twice_sends_one_call(
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


def test_sweep_queues_a_lost_cancel_job_again(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    engine.queue.clear()
    sweep.sweep()
    assert (Job.CANCEL, (queued.pk,)) not in engine.queue
    Operation.objects.update(cancel_requested_at=timezone.now() - timedelta(seconds=6))
    assert engine.finish(queued).state == State.CANCELLED


def test_late_cancel_is_reported_and_the_operation_continues(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider, remote: Member
) -> None:
    cancel(queued, by=owner)
    idle.worker.start()
    remote.done(queued.remote_id or 0)
    send(queued.pk)
    queued.refresh_from_db()
    assert (queued.state, queued.cancel_state) == (State.TRACKED, Cancel.TOO_LATE)
    assert engine.finish(queued).state == State.DONE


def test_running_operation_is_not_cancelled(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    Operation.objects.update(remote_state="RUN")
    send(queued.pk)
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.TOO_LATE
    assert not may_cancel(queued, owner)
    assert not cancel(queued, by=owner)


def test_unanswered_cancel_is_not_resent_automatically(
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


def test_tracking_discovers_an_unanswered_cancel(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider
) -> None:
    cancel(queued, by=owner)
    with idle.faults("operation_cancel:drop_after@1"):
        assert engine.finish(queued).state == State.CANCELLED


@pytest.fixture
def with_extensions(account: Account, settings: Settings) -> None:
    settings.API_EXTENSIONS = True
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[ONCE])


@pytest.mark.usefixtures("with_extensions")
@pytest.mark.parametrize("fault", ["drop_before", "503", "refuse"])
def test_unanswered_cancel_with_a_key_is_asked_for_again_until_it_is_answered(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider, fault: str
) -> None:
    cancel(queued, by=owner)
    with idle.faults(f"operation_cancel:{fault}@1"):
        engine.drain()
        queued.refresh_from_db()
        assert queued.cancel_state == Cancel.ASKED
        assert send_again(queued, engine) == Cancel.SENT
    assert engine.finish(queued).state == State.CANCELLED


@pytest.mark.usefixtures("with_extensions")
def test_first_answer_to_a_cancel_is_given_again_for_its_key(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider
) -> None:
    cancel(queued, by=owner)
    engine.queue.clear()
    with idle.faults("operation_cancel:drop_after@1"):
        send(queued.pk)
    # Without the key it would be too late now: it is cancelled already.
    send(queued.pk)
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.SENT
    assert engine.finish(queued).state == State.CANCELLED


@pytest.mark.usefixtures("with_extensions")
def test_cancel_without_the_extension_that_was_listed_is_made_by_version_one(
    queued: Operation, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hosting.api.client.ONCE", "sharedeck.gone")
    cancel(queued, by=owner)
    engine.drain()
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.ASKED
    assert send_again(queued, engine) == Cancel.SENT
    assert Endpoint.objects.get(pk=queued.account.endpoint_id).extensions == []


def send_again(operation: Operation, engine: Engine) -> str:
    """What becomes of the next call, which the sweep asks for when its pause is over."""
    long_ago = timezone.now() - timedelta(minutes=1)
    sweep.sweep()
    assert (Job.CANCEL, (operation.pk,)) not in engine.queue
    # The key goes by the time of the request, in seconds.
    Operation.objects.filter(pk=operation.pk).update(claimed_until=long_ago)
    engine.until(lambda: Operation.objects.exclude(cancel_state=Cancel.ASKED).filter(pk=operation.pk).exists())
    operation.refresh_from_db()
    return operation.cancel_state


def test_each_request_to_cancel_has_a_key_of_its_own(queued: Operation, owner: Membership) -> None:
    cancel(queued, by=owner)
    queued.refresh_from_db()
    first = queued.cancel_key
    assert first != queued.key
    assert first == Operation.objects.get(pk=queued.pk).cancel_key
    queued.pk = 2**31
    assert len(queued.cancel_key) <= 64
    queued.cancel_requested_at = timezone.now() + timedelta(seconds=2)
    assert queued.cancel_key.rpartition("-")[2] != first.rpartition("-")[2]


def test_answered_cancel_does_not_count_as_unanswered_while_its_end_is_awaited(
    queued: Operation, owner: Membership, engine: Engine
) -> None:
    cancel(queued, by=owner)
    send(queued.pk)
    queued.refresh_from_db()
    assert (queued.cancel_state, queued.claimed_until) == (Cancel.SENT, None)


def test_answer_to_a_cancel_is_written_by_a_worker_that_stood_still(
    queued: Operation, owner: Membership, engine: Engine, idle: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel(queued, by=owner)
    call = ApiSession.call

    def slow(session: ApiSession, do: Callable[[Client], object]) -> object:
        answer = call(session, do)
        Operation.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        sweep.sweep()
        queued.refresh_from_db()
        assert queued.cancel_state == Cancel.UNANSWERED
        return answer

    monkeypatch.setattr(ApiSession, "call", slow)
    send(queued.pk)
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.SENT


def test_worker_crash_during_cancel_leaves_it_unanswered(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    engine.queue.clear()
    lapsed = timezone.now() - timedelta(seconds=1)
    Operation.objects.update(cancel_state=Cancel.SENT, cancel_sent_at=lapsed, claimed_until=lapsed)
    sweep.sweep()
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.UNANSWERED


def test_no_cancel_is_sent_to_an_unavailable_endpoint(queued: Operation, owner: Membership, engine: Engine) -> None:
    cancel(queued, by=owner)
    Endpoint.objects.update(away_since=timezone.now(), probe_due_at=timezone.now() + timedelta(hours=1))
    engine.drain()
    queued.refresh_from_db()
    assert queued.cancel_state == Cancel.ASKED


def test_cancelled_step_stops_its_plan(idle: Provider, account: Account, owner: Membership, engine: Engine) -> None:
    spec = NewServer("shop", 0, "1m", 111, 2, 1, "admin", 4096, "shop-data", "xfs")
    plan = plans.draft(spec, account=account, by=owner, nonce=uuid.uuid4(), secret=SECRET)
    plans.start(plan, by=owner)
    operation = plan.operations.get()
    engine.until(lambda: Operation.objects.filter(pk=operation.pk, remote_state="PENDING").exists())
    assert cancel(operation, by=owner)
    engine.finish(operation)
    engine.drain()
    plan.refresh_from_db()
    assert plan.state == Plan.State.STOPPED
    assert [step.state for step in steps.steps(plan)] == ["skipped", "done", "stopped", "todo", "todo"]


def test_cancel_needs_the_permission_of_the_operation(queued: Operation, owner: Membership) -> None:
    owner.role = Role.BILLING
    with pytest.raises(NotAllowedError):
        cancel(queued, by=owner)
