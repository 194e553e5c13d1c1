"""Where the provider has `sharedeck.once`, a call without an answer is asked for again with its key."""

import os
import signal
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import tasks
from hosting.accounts.models import Account, Endpoint
from hosting.api import EXTENSIONS, FIRST_BOOT, ONCE
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")
CREATE = catalogue.CreateVm("keyed", 111, 2, 1, "admin")
PASSWORD = "r00t-of-the-box"


def purchases(remote: Member) -> int:
    """How often the provider has sold shares to this handle, the eight at the start apart."""
    return len(remote.operation_list({"type": "hosting_account_product_add"})) - 1


@pytest.fixture(autouse=True)
def with_extensions(engine: Engine, account: Account, settings: Settings) -> None:
    settings.API_EXTENSIONS = True
    # As a round reads it when it reads everything again.
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[ONCE])
    account.endpoint.refresh_from_db()


@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "503", "503_after", "garbage", "truncate", "refuse", "delay=3"]
)
def test_purchase_without_an_answer_is_certain_and_made_once(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, fault: str
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults(f"hosting_account_product_add:{fault}@1"):
        assert engine.finish(operation).state == State.DONE
    assert operation.keyed
    assert purchases(remote) == 1


def test_call_that_a_frozen_provider_carries_out_later_is_made_once(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, settings: Settings
) -> None:
    settings.API_READ_TIMEOUT_S = 0.5
    operation = submit(BUY, account=account, by=owner)
    group = provider.web.popen.pid
    os.killpg(group, signal.SIGSTOP)
    try:
        engine.drain()
        engine.queue.append((Job.SETTLE, (operation.pk,)))
        engine.drain()
    finally:
        os.killpg(group, signal.SIGCONT)
    operation.refresh_from_db()
    assert operation.state == State.UNCERTAIN
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_password_of_a_server_is_kept_sealed_until_the_answer_is_there(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, fault: str
) -> None:
    operation = submit(CREATE, account=account, by=owner, secret=PASSWORD)
    with provider.faults(f"vm_create:{fault}"):
        engine.drain()
    operation.refresh_from_db()
    assert operation.state == State.UNCERTAIN
    assert operation.sealed_secret
    assert PASSWORD not in operation.sealed_secret
    assert engine.finish(operation).state == State.DONE
    assert operation.sealed_secret == ""
    assert remote.vm_list() == [operation.vm_id]


def test_refusal_that_was_not_heard_is_learnt_and_erases_the_password(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    operation = submit(CREATE, account=account, by=owner, secret=PASSWORD)
    # Somebody else takes the shares meanwhile.
    remote.new_vm(7)
    with provider.faults("vm_create:drop_after@1"):
        assert engine.finish(operation).state == State.REFUSED
    assert operation.sealed_secret == ""


def test_worker_that_died_while_sending_is_replaced_without_a_second_purchase(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    # The dead worker's call arrived.
    remote.proxy.sharedeck.once(remote.session, operation.key, BUY.method, ["shares", 2, "1m"])
    lapsed = timezone.now() - timedelta(seconds=1)
    fields = {"state": State.SENDING, "sent_at": lapsed, "claimed_until": lapsed, "keyed": True}
    Operation.objects.filter(pk=operation.pk).update(**fields)
    sweep.sweep()
    assert engine.finish(operation).state == State.DONE
    assert purchases(remote) == 1


def test_provider_that_has_lost_the_extension_is_asked_by_version_one(
    account: Account, owner: Membership, engine: Engine, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hosting.api.client.ONCE", "sharedeck.gone")
    operation = engine.finish(submit(BUY, account=account, by=owner))
    assert (operation.state, operation.keyed) == (State.DONE, False)
    assert Endpoint.objects.get(pk=account.endpoint_id).extensions == []
    assert purchases(remote) == 1


def test_unconfirmed_operation_is_looked_up_when_the_extension_is_lost(
    account: Account,
    owner: Membership,
    engine: Engine,
    provider: Provider,
    remote: Member,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:drop_after@1"):
        engine.drain()
    monkeypatch.setattr("hosting.api.client.ONCE", "sharedeck.gone")
    assert engine.finish(operation).state == State.DONE
    assert not operation.keyed
    assert purchases(remote) == 1


def test_key_that_the_provider_has_forgotten_is_never_used_again(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults("hosting_account_product_add:drop_after@1"):
        engine.drain()
    long_ago = timezone.now() - timedelta(days=31)
    Operation.objects.filter(pk=operation.pk).update(sent_at=long_ago)
    engine.until(lambda: Operation.objects.filter(pk=operation.pk, keyed=False).exists())
    assert purchases(remote) == 1


def unanswered(account: Account, owner: Membership, engine: Engine, provider: Provider, *, fault: str) -> Operation:
    operation = submit(BUY, account=account, by=owner)
    with provider.faults(f"hosting_account_product_add:{fault}@1"):
        engine.drain()
    Endpoint.objects.update(away_since=None, probe_due_at=None)
    operation.refresh_from_db()
    assert operation.state == State.UNCERTAIN
    return operation


def test_operation_without_a_key_leaves_an_equal_one_with_a_key_its_own(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, settings: Settings
) -> None:
    """As minutes after an upgrade: one has never arrived, the other one was carried out."""
    settings.API_EXTENSIONS = False
    plain = unanswered(account, owner, engine, provider, fault="drop_before")
    settings.API_EXTENSIONS = True
    keyed = unanswered(account, owner, engine, provider, fault="drop_after")
    assert (plain.keyed, keyed.keyed) == (False, True)
    tasks.settle(plain.pk)
    plain.refresh_from_db()
    assert plain.state == State.UNCERTAIN
    assert engine.finish(keyed).state == State.DONE
    assert engine.finish(plain).state == State.RELEASED
    assert purchases(remote) == 1


@pytest.mark.parametrize(("plain_call", "end"), [("drop_before", State.RELEASED), ("drop_after", State.DONE)])
def test_operation_with_a_key_whose_own_was_taken_by_an_equal_one_looks_for_the_other(
    account: Account,
    owner: Membership,
    engine: Engine,
    provider: Provider,
    remote: Member,
    settings: Settings,
    plain_call: str,
    end: State,
) -> None:
    settings.API_EXTENSIONS = False
    plain = unanswered(account, owner, engine, provider, fault=plain_call)
    settings.API_EXTENSIONS = True
    keyed = unanswered(account, owner, engine, provider, fault="drop_after")
    newest = remote.operation_list({"type": BUY.method})[0]
    assert conclude.adopt(plain, State.UNCERTAIN, newest, answered_at=timezone.now(), problem={})
    assert engine.finish(plain).state == State.DONE
    assert engine.finish(keyed).state == end
    assert purchases(remote) == 1 + (end == State.DONE)


def test_extensions_are_read_with_the_first_round(
    owner: Membership, engine: Engine, account: Account, settings: Settings
) -> None:
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[])
    Account.objects.filter(pk=account.pk).update(reread_due_at=None, round_due_at=None)
    engine.until(lambda: Endpoint.objects.get(pk=account.endpoint_id).extensions == sorted([*EXTENSIONS, *FIRST_BOOT]))


def test_key_is_its_own_in_every_installation(account: Account, owner: Membership) -> None:
    one, two = submit(BUY, account=account, by=owner), submit(BUY, account=account, by=owner)
    assert one.key != two.key
    assert one.nonce.hex in one.key
    assert len(one.key) <= 64
