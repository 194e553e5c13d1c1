"""Where the provider tells what has changed, only that is read; a listener has it read at once."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts import limits
from hosting.accounts.limits import NoAllowanceError
from hosting.accounts.models import Account, Endpoint
from hosting.api import CHANGES, EXTENSIONS, ApiError, ChangedObject, Changes, Client, DataFault, Garbled
from hosting.inventory.models import AccountInfo, Disk, Product, Vm
from hosting.jobs import Job
from hosting.operations import following, listening, rounds
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Held, Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


@pytest.fixture
def followed(engine: Engine, account: Account, settings: Settings) -> Account:
    """The account, read anew with all extensions and followed from then on."""
    settings.API_EXTENSIONS = True
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=sorted(EXTENSIONS))
    Account.objects.filter(pk=account.pk).update(reread_due_at=None)
    rounds.round_of(fresh(account))
    assert fresh(account).changes_cursor
    return fresh(account)


def fresh(account: Account) -> Account:
    return Account.objects.select_related("endpoint", "team").get(pk=account.pk)


def test_idle_round_makes_one_call_and_confirms_every_age(followed: Account, counted: list[str]) -> None:
    began = timezone.now()
    rounds.round_of(followed)
    assert counted == [CHANGES]
    now = fresh(followed)
    assert now.mirrored_at is not None
    assert now.details_at is not None
    assert min(now.mirrored_at, now.details_at, AccountInfo.objects.get(account=now).read_at) >= began


def test_only_what_has_changed_is_read_again(followed: Account, remote: Member, counted: list[str]) -> None:
    vm = remote.new_vm(hostname="elsewhere")
    rounds.round_of(followed)
    assert Vm.objects.get(account=followed, remote_id=vm).hostname == "elsewhere"
    assert Operation.objects.filter(account=followed, origin=Operation.Origin.EXTERNAL, kind="vm_create").exists()
    counted.clear()
    remote.done(remote.vm_stop(vm))
    rounds.round_of(fresh(followed))
    assert Vm.objects.get(account=followed, remote_id=vm).state == Vm.State.HALTED
    assert len(counted) <= 6
    assert "vm_list" not in counted


def test_deposit_and_deleted_objects_show_after_one_round(
    followed: Account, remote: Member, provider: Provider
) -> None:
    disk = remote.new_disk()
    rounds.round_of(followed)
    assert Disk.objects.filter(account=followed, remote_id=disk).exists()
    before = AccountInfo.objects.get(account=followed).balance
    remote.done(remote.disk_delete(disk))
    provider.shell(
        "from decimal import Decimal; from hosting.provider import ledger; from hosting.provider.models import Handle; "
        f"ledger.deposit(Handle.objects.get(handle='{remote.handle}'), Decimal(7), 'deposit')"
    )
    rounds.round_of(fresh(followed))
    assert not Disk.objects.filter(account=followed, remote_id=disk).exists()
    assert AccountInfo.objects.get(account=followed).balance == before + 7


def test_operation_is_tracked_by_what_is_named(
    followed: Account, owner: Membership, engine: Engine, counted: list[str]
) -> None:
    operation = engine.finish(submit(BUY, account=followed, by=owner))
    assert operation.state == State.DONE
    assert Product.objects.filter(account=followed, quantity=2).exists()
    assert "operation_list" not in counted
    engine.until(lambda: Operation.objects.get(pk=operation.pk).cost is not None)


def test_shares_are_known_when_their_purchase_is_done_although_only_its_operation_was_named(
    followed: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider named it as begun, and it was done when its details were read. A plan goes on with what is known."""
    operation = submit(BUY, account=followed, by=owner)
    engine.drain()
    operation.refresh_from_db()
    assert operation.remote_id
    remote.done(operation.remote_id)
    begun = Changes(cursor="1-1", changes=(ChangedObject(type="operation", id=operation.remote_id),), more=False)
    monkeypatch.setattr(following, "_changes", lambda *_: begun)
    rounds.watch(fresh(followed))
    operation.refresh_from_db()
    assert operation.state == State.DONE
    assert AccountInfo.objects.get(account=followed).granted["shares"] == 10


def test_lost_round_is_made_up_for_by_the_next(followed: Account, remote: Member, provider: Provider) -> None:
    cursor = followed.changes_cursor
    vm = remote.new_vm()
    with provider.faults("vm_info:503"), pytest.raises(Exception, match="503"):
        rounds.round_of(followed)
    assert fresh(followed).changes_cursor == cursor
    rounds.round_of(fresh(followed))
    assert Vm.objects.filter(account=followed, remote_id=vm).exists()


def test_news_that_could_not_be_read_is_read_soon_although_nothing_is_open(
    followed: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(seconds=25)
    Account.objects.filter(pk=followed.pk).update(listening_until=later, round_due_at=later)

    def no_room(*_arguments: object, **_options: object) -> None:
        raise NoAllowanceError

    monkeypatch.setattr(limits, "take", no_room)
    with pytest.raises(NoAllowanceError):
        rounds.watch(fresh(followed))
    due_at = fresh(followed).round_due_at
    assert due_at is not None
    assert due_at < timezone.now() + timedelta(seconds=5)


@pytest.mark.parametrize("error", [Garbled("nonsense"), DataFault(520040, "DataError: no such method")], ids=str)
def test_provider_that_does_not_keep_to_the_extension_is_read_by_its_lists(
    followed: Account, remote: Member, monkeypatch: pytest.MonkeyPatch, error: ApiError
) -> None:
    def broken(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(Client, "changes", broken)
    vm = remote.new_vm()
    rounds.round_of(followed)
    rounds.round_of(fresh(followed))
    assert Vm.objects.filter(account=followed, remote_id=vm).exists()


def test_unknown_cursor_leads_to_reading_everything_anew(followed: Account, remote: Member, engine: Engine) -> None:
    vm = remote.new_vm()
    Account.objects.filter(pk=followed.pk).update(changes_cursor="1-999999999999")
    rounds.round_of(fresh(followed))
    assert not fresh(followed).changes_cursor
    engine.until(lambda: fresh(followed).changes_cursor, seconds=10)
    assert Vm.objects.filter(account=followed, remote_id=vm).exists()


def test_changes_during_the_first_import_are_not_missed(
    account: Account, remote: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_EXTENSIONS = True
    vm = remote.new_vm()
    real = following.begin

    def begin(session: Any) -> str:
        cursor = real(session)
        # Somebody stops the server after the cursor was taken; the import may have read it before or after that.
        remote.done(remote.vm_stop(vm))
        return cursor

    monkeypatch.setattr(following, "begin", begin)
    Account.objects.filter(pk=account.pk).update(reread_due_at=None, mirrored_at=None)
    rounds.round_of(fresh(account))
    Vm.objects.filter(account=account, remote_id=vm).update(state=Vm.State.RUNNING)
    rounds.round_of(fresh(account))
    assert Vm.objects.get(account=account, remote_id=vm).state == Vm.State.HALTED


def test_version_1_alone_is_read_by_its_lists(followed: Account, settings: Settings, counted: list[str]) -> None:
    settings.API_EXTENSIONS = False
    rounds.round_of(followed)
    assert {"vm_list", "disk_list", "operation_list"} <= set(counted)
    assert CHANGES not in counted


@pytest.fixture
def listener(followed: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[listening.Listener]:
    monkeypatch.setattr(listening, "WAIT_S", 2)
    running = listening.Listener()

    def run() -> None:
        try:
            running.run()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    yield running
    running.stop()
    thread.join(timeout=10)
    for each in list(running.threads.values()):
        each.join(timeout=10)


def until(done: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.usefixtures("listener")
def test_change_elsewhere_is_asked_for_within_a_second(followed: Account, remote: Member, engine: Engine) -> None:
    until(lambda: fresh(followed).listening_until)
    time.sleep(0.3)
    began = time.monotonic()
    remote.hosting_account_product_add("shares", 1, "1m")
    until(lambda: (Job.TRACK, (followed.pk,)) in engine.queue)
    # Generous: the machine may be busy. The call is held for two seconds here.
    assert time.monotonic() - began < 1.5
    engine.drain()
    until(lambda: Operation.objects.filter(account=followed, origin=Operation.Origin.EXTERNAL).count() >= 1)


@pytest.mark.usefixtures("listener")
def test_listening_confirms_the_ages_and_puts_rounds_off(followed: Account, engine: Engine) -> None:
    before = fresh(followed).mirrored_at
    assert before is not None
    until(lambda: (fresh(followed).mirrored_at or before) > before)
    now = fresh(followed)
    assert now.round_due_at is not None
    assert now.listening_until is not None
    assert now.round_due_at > timezone.now()
    assert now.listening_until > timezone.now()


def test_listener_that_ends_lets_go_of_its_accounts(followed: Account, listener: listening.Listener) -> None:
    until(lambda: fresh(followed).listening_until)
    listener.stop()
    now = fresh(followed)
    assert now.listening_until is None
    assert now.round_due_at is not None
    assert now.round_due_at <= timezone.now()


def test_account_of_another_listener_is_left_alone(followed: Account, listener: listening.Listener) -> None:
    listener.stop()
    Account.objects.filter(pk=followed.pk).update(listening_until=timezone.now() + timedelta(minutes=1))
    other = listening.Listener()
    other.start_threads()
    assert not other.threads


def test_provider_that_is_gone_ends_listening_but_not_the_listener(
    followed: Account, listener: listening.Listener, provider: Provider
) -> None:
    until(lambda: fresh(followed).listening_until)
    with provider.faults("sharedeck.changes:drop_before"):
        until(lambda: fresh(followed).listening_until is None, seconds=15)
        # Rounds take over at once: they tell whether the endpoint is away.
        now = fresh(followed)
        assert now.endpoint.away_since is None
        assert now.round_due_at is not None
        assert now.round_due_at <= timezone.now()
    until(lambda: any(each.is_alive() for each in listener.threads.values()), seconds=10)
    until(lambda: fresh(followed).listening_until)


def test_listener_waits_until_its_news_was_read(
    followed: Account, listener: listening.Listener, remote: Member, engine: Engine, counted: list[str]
) -> None:
    """Changes that come meanwhile are told and read together."""
    until(lambda: fresh(followed).listening_until)
    remote.hosting_account_product_add("shares", 1, "1m")
    until(lambda: engine.queue)
    counted.clear()
    remote.new_disk()
    time.sleep(1)
    assert counted == []
    assert list(engine.queue) == [(Job.TRACK, (followed.pk,))]
    rounds.watch(fresh(followed))
    until(lambda: CHANGES in counted[1:])


def test_listener_does_not_ask_again_and_again_where_no_call_is_held(
    followed: Account, remote: Member, counted: list[str]
) -> None:
    """Eight calls of a handle are held at most, so that a ninth is answered at once."""
    others = Held(remote, followed.changes_cursor, 8, wait_s=25)
    time.sleep(0.5)
    listener = listening.Listener()
    listener.start_threads()
    time.sleep(2)
    listener.stop()
    for each in listener.threads.values():
        each.join(timeout=10)
    others.hang_up()
    assert 1 <= counted.count(CHANGES) <= 2
