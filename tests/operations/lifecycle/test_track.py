"""Tracking finishes every accepted operation despite strange answers and incomplete listings."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.api import Client, DataFault, Garbled, OperationDetails, ServerFault
from hosting.inventory.models import Disk
from hosting.jobs import Job
from hosting.operations import rounds
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle import listing, polling, track
from hosting.operations.lifecycle.send import send
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


def tracked(engine: Engine, account: Account, owner: Membership, kind: Kind = BUY) -> Operation:
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


def test_change_missed_by_listings_is_read_when_due(
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


def test_change_missed_by_listings_is_eventually_read_before_it_is_due(
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


def test_operation_unknown_to_the_provider_needs_a_decision(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tracked(engine, account, owner)
    answer_instead(monkeypatch, "operation_details", refuse(DataFault(580440, "DataError: unknown")), of=gone.remote_id)
    other = engine.finish(submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner))
    gone.refresh_from_db()
    assert other.state == State.DONE
    assert (gone.state, gone.needs_person) == (State.UNCERTAIN, True)


@pytest.mark.parametrize("error", [Garbled("nonsense"), DataFault(580450, "DataError: no right")])
def test_unreadable_external_operation_does_not_stop_a_round(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    engine.drain()
    number = remote.hosting_account_product_add("shares", 1, "1m")
    disk_id = remote.new_disk()
    answer_instead(monkeypatch, "operation_details", refuse(error), of=number)
    account.refresh_from_db()
    rounds.round_of(account)
    assert Disk.objects.filter(account=account, remote_id=disk_id).exists()


def test_operation_is_done_even_when_its_objects_cannot_be_read(
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


def many_reboots(engine: Engine, account: Account, owner: Membership, remote: Member) -> list[Operation]:
    """Eight accepted operations that have all ended at the provider, and that nobody has looked at."""
    vm_ids = [remote.new_vm() for _ in range(8)]
    rounds.round_of(account)
    engine.drain()
    for vm_id in vm_ids:
        submit(catalogue.RebootVm(vm_id), account=account, by=owner)
    engine.drain()
    operations = list(Operation.objects.filter(kind="vm_reboot"))
    for operation in operations:
        remote.done(operation.remote_id or 0)
    return operations


def states(operations: list[Operation]) -> set[str]:
    return set(Operation.objects.filter(pk__in=[each.pk for each in operations]).values_list("state", flat=True))


def test_finished_operations_are_read_by_listings_only(
    account: Account, owner: Membership, engine: Engine, remote: Member, counted: list[str]
) -> None:
    operations = many_reboots(engine, account, owner, remote)
    counted.clear()
    rounds.watch(account)
    assert states(operations) == {State.DONE}
    assert Counter(counted) == {"operation_list": 4, "vm_info": len(operations)}


def test_each_new_server_knows_its_system_disk(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    for number in range(5):
        request = catalogue.CreateVm(f"web-{number}", 110, 1, 1, "admin")
        submit(request, account=account, by=owner, secret="r00t-password")
    engine.drain()
    operations = list(Operation.objects.filter(kind="vm_create"))
    for operation in operations:
        remote.done(operation.remote_id or 0)
    rounds.watch(account)
    assert states(operations) == {State.DONE}
    system_disks = set(Disk.objects.filter(account=account, type="system").values_list("remote_id", flat=True))
    assert set(Operation.objects.filter(kind="vm_create").values_list("disk_id", flat=True)) == system_disks


def test_each_failed_operation_has_its_reason(
    account: Account, owner: Membership, engine: Engine, remote: Member, provider: Provider, counted: list[str]
) -> None:
    operations = many_reboots(engine, account, owner, remote)
    failed = operations[0]
    counted.clear()
    provider.shell(
        "from hosting.provider.models import Operation\n"
        f"Operation.objects.filter(pk={failed.remote_id}).update(state='ERROR', step='ERROR', last_error='No host')"
    )
    rounds.watch(account)
    failed.refresh_from_db()
    assert (failed.state, failed.problem["text"]) == (State.FAILED, "No host")
    assert states(operations[1:]) == {State.DONE}
    assert counted.count("operation_details") == 1


def test_watch_leaves_excess_operations_to_the_next_pass(
    account: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = many_reboots(engine, account, owner, remote)
    monkeypatch.setattr(polling, "_MOST_PER_POLL", 5)
    rounds.watch(account)
    assert states(operations) == {State.DONE, State.TRACKED}
    account.refresh_from_db()
    rounds.watch(account)
    assert states(operations) == {State.DONE}


def test_operations_needing_details_are_all_found_over_several_passes(
    account: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.drain()
    for _ in range(8):
        submit(BUY, account=account, by=owner)
    while any(job == Job.SEND for job, _arguments in engine.queue):
        job, arguments = engine.queue.popleft()
        if job == Job.SEND:
            send(int(arguments[0]))
    operations = list(Operation.objects.filter(kind=BUY.method, origin="panel"))
    for operation in operations:
        operation.refresh_from_db()
        remote.done(operation.remote_id or 0)
    monkeypatch.setattr(polling, "_MOST_PER_POLL", 3)
    long_ago = timezone.now() - timedelta(hours=1)
    Account.objects.update(operations_cursor=long_ago)
    for _ in range(2):
        account.refresh_from_db()
        rounds.watch(account)
        account.refresh_from_db()
        # What was left is still listed for the next look, however late that comes.
        assert State.TRACKED in states(operations)
        assert account.operations_cursor == long_ago
    rounds.watch(account)
    account.refresh_from_db()
    assert states(operations) == {State.DONE}
    assert account.operations_cursor
    assert account.operations_cursor > long_ago


def test_listing_of_several_pages_is_read_completely(account: Account, provider: Provider, remote: Member) -> None:
    provider.shell(
        "from datetime import timedelta; from hosting.provider.models import *\n"
        "from django.utils import timezone; n = timezone.now()\n"
        f"h = Handle.objects.get(handle={remote.handle!r}); a = h.hosting_account\n"
        "Operation.objects.bulk_create(Operation(account=a, source=h, type='vm_start', state='DONE', step='DONE',"
        " date_created=n - timedelta(seconds=1000 - i), date_updated=n) for i in range(900))"
    )
    session = client_for(account, Priority.TRACKING)
    listed = listing.moved_since(session, timezone.now() - timedelta(minutes=5))
    assert len(listed) >= 900
    assert sum(state is State.DONE for state in listing.ended_since(session, account.created_at).values()) >= 900


@pytest.mark.parametrize(("late_s", "pause_s"), [(-5, 5), (-60, 10), (0, 0.8), (60, 2), (3600, 10)], ids=str)
def test_polling_slows_down_for_late_operations(
    account: Account, owner: Membership, engine: Engine, late_s: float, pause_s: float
) -> None:
    tracked(engine, account, owner)
    now = timezone.now()
    Operation.objects.update(eta_at=now - timedelta(seconds=late_s))
    look_at = track.next_look_at(account)
    assert look_at
    assert (look_at - now).total_seconds() == pytest.approx(pause_s, abs=0.5)


def test_operation_that_was_never_read_is_looked_at_soon_although_the_provider_tells_what_moves(
    account: Account, owner: Membership, engine: Engine
) -> None:
    """It may have told of the operation before its number was known here."""
    operation = tracked(engine, account, owner)
    told_until = timezone.now() + timedelta(seconds=25)
    Operation.objects.filter(pk=operation.pk).update(remote_updated_at=None)
    assert (track.next_look_at(account, told_until=told_until) or told_until) < timezone.now() + timedelta(seconds=2)
    Operation.objects.filter(pk=operation.pk).update(remote_updated_at=timezone.now())
    assert track.next_look_at(account, told_until=told_until) == told_until
