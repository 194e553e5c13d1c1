"""An account that can't be read although its endpoint answers: told, and forgotten when a round succeeds."""

from datetime import timedelta

import pytest
from django.utils import timezone

from hosting import tasks
from hosting.accounts.models import Account
from hosting.accounts.sealing import seal
from hosting.inventory import unread
from hosting.inventory.unread import Why
from hosting.teams.models import Membership
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine
from tests.processes import Provider

WITHOUT_HOSTING = """
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from hosting.provider.models import Handle
from hosting.provider.seed import add_handle
handle = add_handle("NOHOST-TEST", "No hosting", "10.00", reseller=Handle.objects.get(handle={reseller!r}))
handle.hosting_account.delete()
"""


def fresh(account: Account) -> Account:
    return Account.objects.select_related("endpoint", "team").get(pk=account.pk)


def test_handle_without_a_hosting_account_is_told_at_once(
    account: Account, owner: Membership, remote: Member, provider: Provider, engine: Engine
) -> None:
    provider.shell(WITHOUT_HOSTING.format(reseller=remote.handle))
    other = Account.objects.create(
        team=owner.team,
        endpoint=account.endpoint,
        label="Without hosting",
        login=remote.handle,
        handle="NOHOST-TEST",
        sealed_password=seal(PASSWORD),
    )
    before = other.version
    tasks.refresh(other.pk)
    other = fresh(other)
    assert other.unread_problem["why"] == Why.NO_HOSTING
    assert unread.is_unread(other, timezone.now())
    assert other.version > before
    assert other.round_due_at is not None
    assert engine


@pytest.mark.parametrize("method", ["vm_list", "hosting_account_info"])
def test_round_that_fails_is_told_after_a_minute_and_forgotten_after_one_that_succeeds(
    account: Account, provider: Provider, method: str
) -> None:
    with provider.faults(f"{method}:refuse"):
        tasks.refresh(account.pk)
        tasks.refresh(account.pk)
    failing = fresh(account)
    assert failing.unread_problem["why"] == Why.FAULT
    assert not unread.is_unread(failing, timezone.now())
    assert unread.is_unread(failing, timezone.now() + timedelta(seconds=61))
    tasks.refresh(account.pk)
    assert (fresh(account).unread_since, fresh(account).unread_problem) == (None, {})
    assert fresh(account).version > failing.version


def test_endpoint_that_does_not_answer_is_no_problem_of_the_account(account: Account, provider: Provider) -> None:
    with provider.faults("vm_list:drop_before"):
        tasks.refresh(account.pk)
    assert fresh(account).unread_since is None
