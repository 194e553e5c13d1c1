"""A call that is carried out long after nobody waits for its answer is matched, and is not made a second time."""

import contextlib
import os
import signal
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.jobs import Job
from hosting.operations.bulk import control
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.decide import decide, dismiss
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.bulk import BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason, explain
from hosting.operations.models.states import State
from hosting.reading.attention import attention_items, counts
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


def purchases(remote: Member) -> int:
    """How often the provider has sold shares to this handle, the eight at the start apart."""
    return len(remote.operation_list({"type": "hosting_account_product_add"})) - 1


@pytest.fixture(autouse=True)
def short_rounds(engine: Engine, settings: Settings) -> None:
    settings.MIRROR_ROUND_S = 0.3


@contextlib.contextmanager
def frozen(provider: Provider) -> Iterator[None]:
    """The provider accepts connections and reads nothing: its processes stand still."""
    group = provider.web.popen.pid
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


@pytest.fixture
def released(account: Account, owner: Membership, engine: Engine, provider: Provider) -> Operation:
    """A purchase whose call was not answered, and that the provider did not list within the grace time."""
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:503@1"):
        engine.finish(operation)
    assert operation.state == State.RELEASED
    return operation


def state_of(operation: Operation) -> str:
    operation.refresh_from_db()
    return operation.state


def test_call_that_a_frozen_provider_carries_out_later_is_matched_and_made_once(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, settings: Settings
) -> None:
    settings.API_READ_TIMEOUT_S = 0.5
    operation = submit(BUY, account=account, by=owner)
    with frozen(provider):
        engine.drain()
        # Longer than the timeout and the grace time together.
        assert state_of(operation) == State.UNCERTAIN
        long_ago = timezone.now() - timedelta(minutes=3)
        Operation.objects.filter(pk=operation.pk).update(sent_at=long_ago)
        for _ in range(3):
            operation.refresh_from_db()
            engine.queue.append((Job.SETTLE, (operation.pk,)))
            engine.drain()
    assert state_of(operation) == State.UNCERTAIN
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


def test_grace_time_counts_only_while_the_provider_answers(
    account: Account, owner: Membership, engine: Engine, provider: Provider, settings: Settings
) -> None:
    settings.UNCERTAIN_GRACE_S = 60
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:503@1"):
        engine.drain()
    looked = timezone.now() - timedelta(minutes=5)
    Operation.objects.filter(pk=operation.pk).update(
        sent_at=looked, absent_since=looked, absent_at=looked, due_at=timezone.now()
    )
    engine.until(lambda: Operation.objects.filter(pk=operation.pk, absent_at__gt=looked).exists())
    assert state_of(operation) == State.UNCERTAIN
    assert operation.absent_since == operation.absent_at


def test_released_operation_that_turns_up_is_matched_and_recorded(
    released: Operation, account: Account, engine: Engine, remote: Member
) -> None:
    remote.hosting_account_product_add("shares", 2, "1m")
    engine.until(lambda: state_of(released) == State.DONE)
    assert released.late_at is not None
    assert released.problem == {}
    assert AuditEntry.objects.filter(action="operation.arrived_late", operation_id=released.pk).exists()
    assert not account.operations.filter(origin=Operation.Origin.EXTERNAL, remote_id=released.remote_id).exists()


def test_late_operation_needs_attention_until_it_is_dismissed(
    released: Operation, account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    remote.hosting_account_product_add("shares", 2, "1m")
    engine.until(lambda: state_of(released) == State.DONE)
    now = timezone.now()
    assert [item.why for item in attention_items(account, by=owner, now=now)] == ["late"]
    assert counts([account], now)[account.pk] == 1
    assert dismiss(released, by=owner)
    assert attention_items(account, by=owner, now=now) == []


def test_retry_is_not_sent_when_the_first_attempt_has_turned_up(
    released: Operation, owner: Membership, engine: Engine, remote: Member
) -> None:
    remote.hosting_account_product_add("shares", 2, "1m")
    again = engine.finish(retry(released, by=owner))
    assert (again.state, again.problem["reason"]) == (State.NOT_SENT, Reason.FIRST_ARRIVED)
    engine.until(lambda: state_of(released) == State.DONE)
    assert purchases(remote) == 1


def test_retry_is_not_sent_when_the_first_attempt_was_matched_while_it_waited(
    released: Operation, owner: Membership, engine: Engine, remote: Member
) -> None:
    again = retry(released, by=owner)
    waiting, engine.queue = list(engine.queue), type(engine.queue)()
    remote.hosting_account_product_add("shares", 2, "1m")
    Operation.objects.filter(pk=again.pk).update(due_at=timezone.now() + timedelta(hours=1))
    engine.until(lambda: state_of(released) == State.DONE)
    engine.queue.extend(waiting)
    assert engine.finish(again).state == State.NOT_SENT
    assert purchases(remote) == 1


def test_both_are_shown_when_the_first_attempt_turns_up_after_its_retry(
    released: Operation, account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    again = engine.finish(retry(released, by=owner))
    assert again.state == State.DONE
    remote.hosting_account_product_add("shares", 2, "1m")
    engine.until(lambda: state_of(released) == State.DONE)
    (item,) = attention_items(account, by=owner, now=timezone.now())
    assert (item.why, item.operation, item.doubles) == ("late", released, (again,))


def test_operation_that_was_made_before_the_call_or_after_its_session_is_external(
    released: Operation, account: Account, engine: Engine, remote: Member
) -> None:
    for sent_at in (timezone.now() + timedelta(minutes=5), timezone.now() - timedelta(hours=13)):
        Operation.objects.filter(pk=released.pk).update(sent_at=sent_at)
        remote.hosting_account_product_add("shares", 2, "1m")
        newest = remote.operation_list({"type": "hosting_account_product_add"})[0]
        found = account.operations.filter(origin=Operation.Origin.EXTERNAL, remote_id=newest)
        engine.until(found.exists)
    assert state_of(released) == State.RELEASED


def test_what_a_person_has_ruled_out_stays_external(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:drop_after@1"):
        engine.drain()
    remote.buy(2)
    Operation.objects.filter(pk=operation.pk).update(due_at=timezone.now())

    def needs_person() -> bool:
        operation.refresh_from_db()
        return operation.needs_person

    engine.until(needs_person)
    asked_at = timezone.now()
    # Reading goes on while a person is asked.
    engine.until(lambda: Account.objects.filter(pk=account.pk, operations_cursor__gt=asked_at).exists())
    decide(operation, None, by=owner)
    external = account.operations.filter(origin=Operation.Origin.EXTERNAL, kind=BUY.method)
    engine.until(lambda: external.count() >= 2)
    assert state_of(operation) == State.RELEASED


def test_row_of_a_bulk_action_is_done_when_its_operation_turns_up(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    vm_id = remote.new_vm()
    engine.until(Vm.objects.filter(account=account, remote_id=vm_id, state="running").exists)
    bulk = control.begin("vm_reboot", [(vm_id, "web1")], account=account, by=owner, nonce=uuid.uuid4())
    with provider.faults("vm_reboot:503@1"):
        engine.until(lambda: bulk.rows.filter(state=BulkRow.State.FAILED).exists())
    remote.vm_reboot(vm_id)
    engine.until(lambda: bulk.rows.filter(state=BulkRow.State.DONE).exists())


def test_page_says_since_when_it_was_not_seen_and_promises_nothing(released: Operation) -> None:
    found = explain(released)
    assert found is not None
    assert released.absent_since is not None
    assert f"since {timezone.localtime(released.absent_since):%H:%M}" in found.title
    assert "safe" not in found.advice
