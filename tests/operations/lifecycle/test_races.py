"""Two workers on the same operation: nothing is lost and nothing is sent twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from hosting import tasks
from hosting.accounts import store
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.accounts.session_store import session_key
from hosting.accounts.sessions import ApiSession, client_for
from hosting.api import Client
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude
from hosting.operations.lifecycle import send as sending
from hosting.operations.lifecycle import settle as settling
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


def test_late_answer_of_a_presumed_dead_worker_is_adopted(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    answer = remote.hosting_account_product_add("shares", 2, "1m")
    Operation.objects.filter(pk=operation.pk).update(state=State.UNCERTAIN, sent_at=timezone.now())
    sending._accept(operation, BUY, answer)
    operation.refresh_from_db()
    assert (operation.state, operation.remote_id) == (State.TRACKED, answer)
    assert not conclude.adopt(operation, State.SENDING, answer)


def test_presumed_dead_worker_does_not_send_after_a_new_login(
    account: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.queue.clear()
    operation = submit(BUY, account=account, by=owner)
    store.connection().set(session_key(account, PASSWORD), seal("a-session-that-is-over"))
    log_in = ApiSession._cached_or_new

    def slow_login(session: ApiSession, ended: str = "") -> str:
        if ended:
            Operation.objects.filter(pk=operation.pk).update(state=State.RELEASED)
        return log_in(session, ended)

    monkeypatch.setattr(ApiSession, "_cached_or_new", slow_login)
    engine.drain()
    operation.refresh_from_db()
    assert operation.state == State.RELEASED
    assert len(remote.operation_list({"type": BUY.method})) == 1


def test_call_repeated_after_a_login_has_a_new_sent_time(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.queue.clear()
    operation = submit(BUY, account=account, by=owner)
    store.connection().set(session_key(account, PASSWORD), seal("a-session-that-is-over"))
    log_in = ApiSession._cached_or_new
    logged_in = []

    def noted_login(session: ApiSession, ended: str = "") -> str:
        session_id = log_in(session, ended)
        logged_in.append(timezone.now())
        return session_id

    monkeypatch.setattr(ApiSession, "_cached_or_new", noted_login)
    engine.drain()
    operation.refresh_from_db()
    assert operation.sent_at is not None
    assert operation.sent_at > logged_in[1]


def test_unconfirmed_operation_does_not_adopt_its_twins_result(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    """Two equal requests: one never arrived, the other one's answer is known and its operation is not yet."""
    kind = catalogue.CreateDisk(2048, "data", "xfs")
    lost = submit(kind, account=account, by=owner)
    with provider.faults("disk_create:drop_before@1"):
        engine.drain()
    Endpoint.objects.update(away_since=None, probe_due_at=None)
    twin = submit(kind, account=account, by=owner)
    tasks.send(twin.pk)
    tasks.settle(lost.pk)
    lost.refresh_from_db()
    twin.refresh_from_db()
    assert (lost.state, twin.state) == (State.UNCERTAIN, State.ANSWERED)
    assert engine.finish(twin).state == State.DONE
    assert engine.finish(lost).state == State.RELEASED


def test_unconfirmed_operation_does_not_adopt_what_its_twin_sends_meanwhile(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    lost = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:drop_before@1"):
        engine.drain()
    Endpoint.objects.update(away_since=None, probe_due_at=None)
    twin = submit(BUY, account=account, by=owner)
    session = client_for(account, Priority.TRACKING)
    call = session.call
    before: list[int] = []

    def call_after_the_twin_was_sent(do: Callable[[Client], Any]) -> Any:
        if not before:
            before.append(remote.hosting_account_product_add("shares", 2, "1m"))
            Operation.objects.filter(pk=twin.pk).update(state=State.SENDING, sent_at=timezone.now())
        return call(do)

    session.call = call_after_the_twin_was_sent  # type: ignore[method-assign]
    lost.refresh_from_db()
    settling.settle(lost, session)
    sending._accept(twin, BUY, before[0])
    lost.refresh_from_db()
    twin.refresh_from_db()
    assert (lost.state, twin.state) == (State.UNCERTAIN, State.TRACKED)
