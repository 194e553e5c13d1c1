"""Rounds leave threads free: only so many run at once, and fewer of one login."""

from contextlib import ExitStack

import pytest

from hosting import tasks
from hosting.accounts.models import Account, Endpoint
from hosting.operations import rounds


def accounts_of(login: str, number: int) -> list[Account]:
    return [Account(endpoint=Endpoint(pk=1), endpoint_id=1, login=login) for _ in range(number)]


def running(stack: ExitStack, accounts: list[Account]) -> int:
    """How many of these accounts got a slot, which they keep."""
    return sum(stack.enter_context(rounds.slot(account)) for account in accounts)


def test_one_login_does_not_take_every_slot() -> None:
    with ExitStack() as stack:
        assert running(stack, accounts_of("one", 50)) == 3
        assert running(stack, accounts_of("two", 50)) == 3
        assert running(stack, accounts_of("three", 50)) == 0


def test_slot_is_free_again_after_a_round_even_if_it_failed() -> None:
    def fail() -> None:
        with rounds.slot(accounts_of("one", 1)[0]) as is_free:
            assert is_free
            raise RuntimeError

    for _ in range(9):
        with pytest.raises(RuntimeError):
            fail()


@pytest.mark.django_db
def test_round_without_a_slot_is_asked_for_again(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[Account] = []

    def begin(account: Account) -> None:
        began.append(account)

    monkeypatch.setattr(rounds, "round_of", begin)
    with ExitStack() as stack:
        running(stack, [account] * 3)
        tasks.refresh(account.pk)
    account.refresh_from_db()
    assert not began
    assert account.round_due_at is not None
    tasks.refresh(account.pk)
    assert began == [account]
