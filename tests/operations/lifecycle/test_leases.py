"""Who sends an operation keeps it while alive. Who stood still writes what it knows when it goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import InterfaceError, connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts import availability, pulse, store
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.accounts.session_store import session_key
from hosting.accounts.sessions import ApiSession
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import send as sending
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests import databases
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine
from tests.processes import ROOT, Provider

BUY = catalogue.AddProduct("shares", 2, "1m")
_SEND = "import django; django.setup(); from hosting.operations.lifecycle.send import send; send({pk})"


def purchases(remote: Member) -> int:
    """How often the provider has sold shares to this handle, the eight at the start apart."""
    return len(remote.operation_list({"type": BUY.method})) - 1


def state_of(operation: Operation) -> str:
    operation.refresh_from_db()
    return operation.state


@contextmanager
def worker(operation: Operation, lease_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own that sends the operation, and has claimed it when the block begins."""
    env = {
        **os.environ,
        "DATABASE_URL": databases.address_of(connection),
        "API_EXTENSIONS": "off",
        "LEASE_S": str(lease_s),
    }
    process = subprocess.Popen([sys.executable, "-c", _SEND.format(pk=operation.pk)], cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + 20
        while state_of(operation) == State.WAITING:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def operation(account: Account, owner: Membership, engine: Engine) -> Operation:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    return operation


def test_worker_that_waits_longer_than_a_lease_keeps_its_operation(
    operation: Operation, engine: Engine, provider: Provider, remote: Member
) -> None:
    with provider.faults(f"{BUY.method}:delay_after=2.5"), worker(operation, lease_s=0.9) as process:
        while process.poll() is None:
            assert state_of(operation) in {State.SENDING, State.TRACKED}
            sweep.sweep()
            time.sleep(0.05)
    assert state_of(operation) == State.TRACKED
    assert purchases(remote) == 1


def test_worker_that_died_loses_its_operation_within_seconds(
    operation: Operation, engine: Engine, provider: Provider, remote: Member, settings: Settings
) -> None:
    with provider.faults(f"{BUY.method}:delay_after=2"), worker(operation, lease_s=0.9) as process:
        engine.until(lambda: purchases(remote) == 1)
        process.kill()
        died_at = time.monotonic()
        engine.until(lambda: state_of(operation) != State.SENDING)
    assert time.monotonic() - died_at < settings.LEASE_S
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


def test_worker_that_stood_still_writes_its_answer_when_it_goes_on(
    operation: Operation, engine: Engine, provider: Provider, remote: Member
) -> None:
    with provider.faults(f"{BUY.method}:delay_after=1"), worker(operation, lease_s=0.9) as process:
        process.send_signal(signal.SIGSTOP)
        # Without an account that works nothing is looked up.
        Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
        engine.until(lambda: state_of(operation) == State.UNCERTAIN)
        process.send_signal(signal.SIGCONT)
        assert process.wait(20) == 0
    assert state_of(operation) == State.TRACKED
    assert operation.remote_id == remote.operation_list({"type": BUY.method})[0]
    Account.objects.update(trouble="")
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


def test_answer_that_comes_after_the_release_is_matched_as_late(
    operation: Operation, engine: Engine, remote: Member
) -> None:
    Operation.objects.filter(pk=operation.pk).update(state=State.RELEASED, sent_at=timezone.now())
    answer = remote.hosting_account_product_add("shares", 2, "1m")
    assert sending._write_answer(operation, BUY, answer)
    assert state_of(operation) == State.TRACKED
    assert operation.remote_id == answer
    assert operation.late_at is not None


def test_fault_that_comes_to_a_worker_that_stood_still_is_what_the_row_says(
    operation: Operation, engine: Engine, provider: Provider, remote: Member
) -> None:
    Operation.objects.filter(pk=operation.pk).update(state=State.UNCERTAIN, sent_at=timezone.now())
    assert sending._refuse(operation, State.SENDING, {"reason": Reason.FAULT})
    assert state_of(operation) == State.REFUSED


def test_nobody_counts_as_dead_because_the_database_was_away(operation: Operation, settings: Settings) -> None:
    lapsed = timezone.now() - timedelta(seconds=1)
    Operation.objects.filter(pk=operation.pk).update(state=State.SENDING, sent_at=lapsed, claimed_until=lapsed)
    pulse.record(pulse.Part.SENDING, timezone.now() - timedelta(seconds=settings.LEASE_S))
    sweep.sweep()
    assert state_of(operation) == State.SENDING
    assert operation.claimed_until is not None
    assert operation.claimed_until > timezone.now()
    # Whoever does not renew it now is dead.
    Operation.objects.filter(pk=operation.pk).update(claimed_until=lapsed)
    pulse.record(pulse.Part.SENDING, timezone.now())
    sweep.sweep()
    assert state_of(operation) == State.UNCERTAIN


def test_operation_of_a_worker_from_before_the_leases_counts_as_unanswered(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk).update(state=State.SENDING, sent_at=timezone.now())
    pulse.record(pulse.Part.SENDING, timezone.now())
    sweep.sweep()
    assert state_of(operation) == State.UNCERTAIN


def test_answer_is_written_although_nothing_else_can_be_noted(
    operation: Operation, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_endpoint: Endpoint) -> None:
        if state_of(operation) == State.SENDING:
            raise InterfaceError("the connection is closed")

    monkeypatch.setattr(availability, "record_answer", fail)
    sending.send(operation.pk)
    assert state_of(operation) == State.TRACKED


def test_call_that_was_not_executed_is_made_again_when_the_database_goes_away_before_the_second_attempt(
    operation: Operation, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_session = ApiSession._cached_or_new

    def lose_the_database(session: ApiSession, ended: str = "") -> str:
        if ended:
            raise InterfaceError("the connection is closed")
        return open_session(session, ended)

    with monkeypatch.context() as patch:
        patch.setattr(ApiSession, "_cached_or_new", lose_the_database)
        store.connection().set(session_key(operation.account, PASSWORD), seal("a-session-that-is-over"))
        sending.send(operation.pk)
    assert state_of(operation) == State.WAITING
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1
