"""What the provider works on ends here too, whatever one of its answers looks like and whatever a listing missed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.api import Client, DataFault, Garbled, OperationDetails, ServerFault
from hosting.inventory.models import Disk
from hosting.operations import kinds, rounds
from hosting.operations.models import Operation
from hosting.operations.states import State
from hosting.operations.submit import submit
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine

BUY = kinds.AddProduct("shares", 2, "1m")


def tracked(engine: Engine, account: Account, owner: Membership, kind: kinds.Kind = BUY) -> Operation:
    """An operation that the provider has accepted and that was not looked at yet."""
    engine.drain()
    operation = submit(kind, account=account, by=owner)
    while engine.queue:
        job, arguments = engine.queue.popleft()
        if arguments == (operation.pk,):
            engine.queue.clear()
            engine.queue.append((job, arguments))
            engine.drain()
    operation.refresh_from_db()
    assert operation.state == State.TRACKED
    return operation


def answer_instead(
    monkeypatch: pytest.MonkeyPatch, method: str, answer: Callable[[int, Any], Any], of: int | None = None
) -> None:
    """Let `method` of one object (all by default) be answered with what `answer(id, real answer)` gives or raises."""
    real = getattr(Client, method)

    def answered(self: Client, number: int) -> Any:
        found = real(self, number)
        return answer(number, found) if of in (None, number) else found

    monkeypatch.setattr(Client, method, answered)


def refuse(error: Exception) -> Callable[[int, Any], Any]:
    def answer(_number: int, _found: Any) -> Any:
        raise error

    return answer


def test_a_change_that_no_listing_showed_is_read_when_it_is_due(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = tracked(engine, account, owner)
    remote.done(operation.remote_id or 0)
    long_ago = timezone.now() - timedelta(minutes=1)
    Operation.objects.filter(pk=operation.pk).update(
        remote_state="RUN", remote_updated_at=timezone.now(), eta_at=long_ago, updated_at=long_ago
    )
    Account.objects.update(operations_cursor=timezone.now() + timedelta(hours=1))
    assert engine.finish(operation).state == State.DONE


def test_a_change_that_no_listing_showed_is_read_in_the_end_even_before_it_is_due(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = tracked(engine, account, owner)
    remote.done(operation.remote_id or 0)
    now = timezone.now()
    Operation.objects.filter(pk=operation.pk).update(
        remote_state="RUN",
        remote_updated_at=now,
        eta_at=now + timedelta(days=1),
        updated_at=now - timedelta(minutes=6),
    )
    Account.objects.update(operations_cursor=now + timedelta(hours=1))
    assert engine.finish(operation).state == State.DONE


def test_an_operation_that_the_provider_does_not_know_any_more_is_for_a_person(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tracked(engine, account, owner)
    answer_instead(monkeypatch, "operation_details", refuse(DataFault(580440, "DataError: unknown")), of=gone.remote_id)
    other = engine.finish(submit(kinds.AddProduct("shares", 1, "1m"), account=account, by=owner))
    gone.refresh_from_db()
    assert other.state == State.DONE
    assert (gone.state, gone.needs_person) == (State.UNCERTAIN, True)


@pytest.mark.parametrize("error", [Garbled("nonsense"), DataFault(580450, "DataError: no right")])
def test_one_operation_from_elsewhere_that_cannot_be_read_stops_no_round(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    engine.drain()
    number = remote.hosting_account_product_add("shares", 1, "1m")
    disk_id = remote.new_disk()
    answer_instead(monkeypatch, "operation_details", refuse(error), of=number)
    account.refresh_from_db()
    rounds.round_of(account)
    assert Disk.objects.filter(account=account, remote_id=disk_id).exists()


def test_what_is_done_there_is_told_even_when_its_objects_cannot_be_read_again(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = tracked(engine, account, owner)
    answer_instead(monkeypatch, "operation_details", made_a_while_ago)

    def broken(_self: Client) -> Any:
        raise ServerFault(110020, "ServerError: query failed")

    monkeypatch.setattr(Client, "hosting_account_info", broken)
    assert engine.finish(operation).state == State.DONE


def made_a_while_ago(_number: int, found: OperationDetails) -> OperationDetails:
    from dataclasses import replace

    return replace(found, date_updated=timezone.now() - timedelta(minutes=2))
