"""The verdict reports every violation: each test plants one and expects its sentence."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hosting.accounts.models import Account, Endpoint
from hosting.inventory.models import AccountInfo
from hosting.operations.models.operation import Operation
from hosting.teams.models import Team
from tests.chaos import verdict
from tests.chaos.members import Journal
from tests.chaos.verdict import Theirs, Truth
from tests.chaos.workload import Action

BUY = "hosting_account_product_add"
PARAMS = {"product_name": "shares", "quantity": 2, "duration": "1m"}
PAID = (Decimal(-24),)


@pytest.fixture
def account(db: None) -> Account:
    endpoint = Endpoint.objects.create(name="Provider", url="http://127.0.0.1:9/xmlrpc/")
    team = Team.objects.create(name="Team")
    return Account.objects.create(team=team, endpoint=endpoint, label="R", login="R", handle="R")


def row(account: Account, state: str, remote_id: int | None = None, **fields: object) -> Operation:
    values: dict[str, Any] = {"kind": BUY, "params": PARAMS, "product_id": 7 if remote_id else None, **fields}
    return Operation.objects.create(account=account, state=state, remote_id=remote_id, **values)


def theirs(number: int, state: str = "DONE", payments: tuple[Decimal, ...] = PAID, **params: object) -> Theirs:
    objects = {"vm_id": None, "disk_id": None, "product_id": 7}
    return Theirs(number, BUY, state, {**PARAMS, **params}, objects, payments)


def untrue(account: Account, *operations: Theirs) -> str:
    truth = Truth(operations={operation.id: operation for operation in operations})
    return "\n".join(verdict.untrue(truth, account, known_before=set()))


def test_matching_records_are_no_violation(account: Account) -> None:
    row(account, "done", 11)
    row(account, "failed", 12)
    row(account, "released")
    row(account, "uncertain", needs_person=True)
    assert untrue(account, theirs(11), theirs(12, "ERROR", ()), theirs(13)) == ""
    assert verdict.stuck(account) == []


def test_duplicate_operation_is_reported_as_unowned_and_overpaid(account: Account) -> None:
    row(account, "done", 11)
    found = untrue(account, theirs(11), theirs(12))
    assert "12" in found
    assert "is nobody's" in found
    assert "2 are paid, 1 are done" in found


@pytest.mark.parametrize("state", ["refused", "not_sent", "released"])
def test_operation_that_happened_after_all_is_reported_as_unowned(account: Account, state: str) -> None:
    row(account, state)
    assert "is nobody's" in untrue(account, theirs(11))


def test_finished_operation_must_exist_be_done_and_be_paid_once(account: Account) -> None:
    row(account, "done", 11)
    assert "the provider has no operation 11" in untrue(account)
    assert "is done, and the provider's 11 is ERROR" in untrue(account, theirs(11, "ERROR"))
    assert "was paid 0 times" in untrue(account, theirs(11, payments=()))
    assert "was paid 2 times" in untrue(account, theirs(11, payments=PAID * 2))


def test_adopted_operation_must_match_its_parameters(account: Account) -> None:
    row(account, "done", 11)
    assert "took the provider's" in untrue(account, theirs(11, quantity=3))


def test_own_operation_must_not_be_recorded_as_external(account: Account) -> None:
    row(account, "done", 11, origin=Operation.Origin.EXTERNAL)
    assert "from outside" in untrue(account, theirs(11))


def test_secret_must_be_erased_once_sent(account: Account) -> None:
    row(account, "sending", sealed_secret="sealed")
    assert "still keeps its secret" in untrue(account)


@pytest.mark.parametrize("state", ["waiting", "sending", "answered", "tracked", "uncertain"])
def test_operation_without_pending_decision_must_finish(account: Account, state: str) -> None:
    row(account, state)
    assert f"is still {state}" in verdict.stuck(account)[0]


@pytest.mark.parametrize(("answer", "words"), [("accepted", "there is no row"), ("refused", "there is a row")])
def test_answers_given_to_members_must_hold(account: Account, answer: str, words: str) -> None:
    journal, nonce = Journal(), "00000000-0000-4000-8000-000000000001"
    if answer == "refused":
        row(account, "waiting", nonce=nonce)
    journal.begin(Action(BUY, "/", kind=BUY, params=dict(PARAMS)), nonce).answer = answer
    assert words in "\n".join(verdict.broken_promises(journal, account))


def test_worker_that_is_taken_for_dead_must_have_been_killed(tmp_path: Path) -> None:
    log, at = tmp_path / "worker.log", datetime(2026, 11, 27, 12, tzinfo=UTC)
    until = at + timedelta(seconds=5)
    log.write_text(f"WARNING: The worker of operation 7 counts as dead: sent at {at}, claimed until {until}\n")
    assert list(verdict.taken_for_dead([log], [at + timedelta(seconds=2)])) == []
    for kills in ([], [at - timedelta(seconds=20)], [until + timedelta(seconds=1)]):
        assert "operation 7 counts as dead, and lived" in "".join(verdict.taken_for_dead([log], kills))


def test_outdated_mirror_is_reported(account: Account) -> None:
    AccountInfo.objects.create(account=account, read_at="2026-01-01T00:00Z", balance=Decimal(10), currency="EUR")
    truth = Truth(balance=Decimal(9), servers={5: ("web", "running", 1, 1, 1024)})
    found = "\n".join(verdict.mirror_differs(truth, account))
    assert "server 5 is None" in found
    assert "the balance is 10" in found
