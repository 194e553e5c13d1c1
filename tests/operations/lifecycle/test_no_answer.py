"""An unanswered call may have happened: the outcome is found by reading, and the call is never resent."""

import traceback
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import writes
from hosting.accounts import pulse
from hosting.accounts.models import Account
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude, send
from hosting.operations.lifecycle.decide import decide
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import explain
from hosting.operations.models.rejection import Invalid, WrongState
from hosting.operations.models.states import State
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


def purchases(remote: Member) -> int:
    """How often the provider has sold shares to this handle, the eight at the start apart."""
    return len(remote.operation_list({"type": "hosting_account_product_add"})) - 1


@pytest.mark.parametrize("fault", ["drop_after", "garbage", "truncate", "503_after", "delay_after=2"])
def test_unanswered_purchase_that_happened_is_adopted(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, fault: str
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults(f"hosting_account_product_add:{fault}@1"):
        engine.drain()
    operation.refresh_from_db()
    assert operation.state in {State.UNCERTAIN, State.TRACKED}
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


@pytest.mark.parametrize("fault", ["drop_before", "503", "refuse", "delay=2"])
def test_unanswered_purchase_is_never_resent(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, fault: str
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults(f"hosting_account_product_add:{fault}@1"):
        engine.finish(operation)
    happened = fault == "delay=2"
    assert operation.state == (State.DONE if happened else State.RELEASED)
    assert purchases(remote) == happened


def test_unanswered_server_creation_is_found_by_its_parameters(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    kind = catalogue.CreateVm("lost", 111, 2, 1, "admin")
    operation = submit(kind, account=account, by=owner, secret="r00t-of-the-box")
    with provider.faults("vm_create:drop_after@1"):
        engine.finish(operation)
    assert operation.state == State.DONE
    assert remote.vm_list() == [operation.vm_id]


def test_equal_external_purchase_needs_a_decision(ambiguous: Operation, remote: Member) -> None:
    assert ambiguous.state == State.UNCERTAIN
    assert len(ambiguous.problem["candidates"]) == 2
    assert purchases(remote) == 2


def test_worker_crash_while_sending_leaves_an_uncertain_operation(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    lapsed = timezone.now() - timedelta(seconds=1)
    Operation.objects.filter(pk=operation.pk).update(state=State.SENDING, sent_at=lapsed, claimed_until=lapsed)
    pulse.record(pulse.Part.SENDING, timezone.now())
    sweep.sweep()
    operation.refresh_from_db()
    assert operation.state == State.UNCERTAIN
    assert engine.finish(operation).state == State.RELEASED
    assert purchases(remote) == 0


def test_worker_crash_after_the_answer_loses_nothing(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    sent_at = timezone.now()
    remote.hosting_account_product_add("shares", 2, "1m")
    engine.queue.clear()
    Operation.objects.filter(pk=operation.pk).update(state=State.SENDING, sent_at=sent_at, claimed_until=sent_at)
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


def test_answer_lost_by_the_database_is_found_again_and_no_password_leaks(
    account: Account,
    owner: Membership,
    engine: Engine,
    settings: Settings,
    remote: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_arguments: object, **_fields: object) -> bool:
        raise OperationalError("database is locked")

    operation = submit(
        catalogue.CreateVm("held", 111, 2, 1, "admin"), account=account, by=owner, secret="r00t-of-the-box"
    )
    settings.LEASE_S = 0.5
    monkeypatch.setattr(writes, "PAUSES_S", (0, 0))
    with monkeypatch.context() as patch:
        patch.setattr(send, "_accept", refuse)
        with pytest.raises(OperationalError) as raised:
            engine.drain()
    assert "r00t-of-the-box" not in "".join(traceback.format_exception(raised.value))
    operation.refresh_from_db()
    assert (operation.state, operation.sealed_secret) == (State.SENDING, "")
    assert engine.finish(operation).state == State.DONE
    assert remote.vm_list() == [operation.vm_id]


def test_answer_in_hand_survives_a_database_that_goes_away_and_comes_back(
    account: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    adopt, away = conclude.adopt, iter([OperationalError("the server closed the connection")] * 2)

    def adopt_when_it_is_back(*arguments: Any, **fields: Any) -> bool:
        for error in away:
            raise error
        return adopt(*arguments, **fields)

    monkeypatch.setattr(conclude, "adopt", adopt_when_it_is_back)
    operation = submit(BUY, account=account, by=owner)
    engine.drain()
    operation.refresh_from_db()
    assert operation.state in {State.TRACKED, State.DONE}
    assert purchases(remote) == 1


def test_own_operation_is_not_recorded_as_external(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = engine.finish(submit(BUY, account=account, by=owner))
    engine.until(lambda: Account.objects.filter(pk=account.pk, round_due_at__isnull=False).exists())
    assert Operation.objects.filter(account=account, remote_id=operation.remote_id).count() == 1


@pytest.fixture
def ambiguous(account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member) -> Operation:
    """A purchase without an answer, and an equal one that somebody else made at the same time."""
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:drop_after@1"):
        engine.drain()
    remote.buy(2)
    Operation.objects.filter(pk=operation.pk).update(due_at=timezone.now())

    def needs_person() -> bool:
        operation.refresh_from_db()
        return operation.needs_person

    engine.until(needs_person)
    return operation


def test_member_chooses_the_matching_operation(
    ambiguous: Operation, owner: Membership, engine: Engine, remote: Member
) -> None:
    first, second = (candidate["id"] for candidate in ambiguous.problem["candidates"])
    with pytest.raises(Invalid):
        decide(ambiguous, second + 1000, by=owner)
    decide(ambiguous, first, by=owner)
    assert engine.finish(ambiguous).state == State.DONE
    assert ambiguous.remote_id == first
    assert AuditEntry.objects.filter(action="operation.decided", detail__remote_id=first).exists()
    with pytest.raises(WrongState):
        decide(ambiguous, second, by=owner)
    assert purchases(remote) == 2


def test_member_decides_that_it_did_not_happen(ambiguous: Operation, owner: Membership) -> None:
    decide(ambiguous, None, by=owner)
    ambiguous.refresh_from_db()
    assert ambiguous.state == State.RELEASED
    assert not ambiguous.needs_person
    explained = explain(ambiguous)
    assert explained is not None
    assert "this didn't happen" in explained.title


def test_decision_needs_the_permission_of_the_operation(ambiguous: Operation, owner: Membership) -> None:
    owner.role = Role.VIEWER
    with pytest.raises(NotAllowedError):
        decide(ambiguous, None, by=owner)
