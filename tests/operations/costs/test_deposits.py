"""Deposits show only in the balance and must not count as part of the cost of a purchase."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, BalanceSample
from hosting.operations import rounds
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

BUY = catalogue.AddProduct("shares", 2, "1m")


def deposit(provider: Provider, handle: str, amount: int) -> None:
    provider.shell(
        "from decimal import Decimal; from hosting.provider import ledger; from hosting.provider.models import Handle; "
        f"ledger.deposit(Handle.objects.get(handle='{handle}'), Decimal({amount}), 'deposit')"
    )


@pytest.fixture
def read_a_minute_ago(account: Account) -> None:
    ago = timezone.now() - timedelta(minutes=1)
    # The shares that the reseller begins with were bought just now: that is known, and long ago.
    rounds.round_of(account)
    Operation.objects.update(finished_at=ago)
    AccountInfo.objects.update(read_at=ago)
    BalanceSample.objects.update(at=ago, last_at=None)


@pytest.mark.usefixtures("read_a_minute_ago")
def test_deposit_before_a_purchase_is_not_part_of_its_cost(
    account: Account, remote: Member, provider: Provider, owner: Membership, engine: Engine
) -> None:
    deposit(provider, remote.handle, 1)
    before = Decimal(str(remote.account_balance()))
    bought = engine.finish(submit(BUY, account=account, by=owner))
    engine.until(lambda: not BalanceSample.objects.filter(weighed=False).exists())
    bought.refresh_from_db()
    assert bought.cost == before - Decimal(str(remote.account_balance()))


@pytest.mark.usefixtures("read_a_minute_ago")
def test_unreadable_balance_does_not_block_a_purchase(
    account: Account, provider: Provider, owner: Membership, engine: Engine
) -> None:
    with provider.faults("account_balance:refuse@1"):
        bought = engine.finish(submit(BUY, account=account, by=owner))
    assert bought.state == State.DONE


@pytest.mark.usefixtures("read_a_minute_ago")
def test_deposit_shows_after_the_next_round_with_the_age_of_that_reading(account: Account, provider: Provider) -> None:
    deposit(provider, account.handle, 50)
    before, began = AccountInfo.objects.get(), timezone.now()
    rounds.round_of(account)
    now = AccountInfo.objects.get()
    assert now.balance == before.balance + 50
    assert now.read_at >= began


def test_round_that_learns_the_cost_follows_a_purchase_within_seconds(
    account: Account, owner: Membership, engine: Engine
) -> None:
    engine.finish(submit(BUY, account=account, by=owner))
    account.refresh_from_db()
    assert account.round_due_at
    assert account.round_due_at < timezone.now() + timedelta(seconds=10)
