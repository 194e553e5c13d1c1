"""What an operation cost: told by the balance when only one can have moved it, and unknown otherwise."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import BalanceSample
from hosting.operations.costs import observed
from hosting.operations.kinds import catalogue
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from tests import factories

ADD, RENEW, UPDATE, REMOVE = (
    kind.method
    for kind in (catalogue.AddProduct, catalogue.RenewProduct, catalogue.UpdateProduct, catalogue.RemoveProduct)
)
# Seconds of a story that began an hour ago.
BEGAN = timezone.now() - timedelta(hours=1)


def at(second: float) -> datetime:
    return BEGAN + timedelta(seconds=second)


@pytest.fixture
def account(db: None) -> Account:
    """Its balance was 100 at second 0, and all that others did is known up to second 500."""
    made = factories.account(factories.team(), operations_cursor=at(500), clock_offset_s=0)
    Account.objects.filter(pk=made.pk).update(created_at=at(-1000))
    BalanceSample.objects.create(account=made, at=at(0), balance="100.00", weighed=True)
    return made


def read(account: Account, second: float, balance: str) -> None:
    """A reading that began at this second and took two."""
    last = BalanceSample.objects.filter(account=account).latest("at")
    if last.balance == Decimal(balance):
        BalanceSample.objects.filter(pk=last.pk).update(last_at=at(second))
        return
    BalanceSample.objects.create(
        account=account,
        at=at(second),
        balance=balance,
        moved_after=last.last_at or last.at,
        moved_before=at(second + 2),
    )


def operation(account: Account, sent: float, seen_over: float | None, kind: str = ADD, **fields: Any) -> Operation:
    return factories.operation(
        account,
        **{
            "kind": kind,
            "params": {"product_name": "shares", "quantity": 2, "duration": "1m"},
            "quantity": 4,
            "vm_id": None,
            "remote_id": next(factories.numbers),
            "state": State.DONE if seen_over else State.TRACKED,
            "remote_state": "DONE" if seen_over else "RUN",
            "sent_at": at(sent),
            "finished_at": at(seen_over) if seen_over else None,
            **fields,
        },
    )


def cost(of: Operation) -> Decimal | None:
    observed.attribute_costs(of.account)
    of.refresh_from_db()
    return of.cost


def is_weighed(account: Account) -> bool:
    return not BalanceSample.objects.filter(account=account, weighed=False).exists()


def test_the_only_operation_of_an_interval_has_cost_the_difference(account: Account) -> None:
    bought = operation(account, 10, 40)
    read(account, 41, "76.00")
    before = account.version
    assert cost(bought) == Decimal("24.00")
    account.refresh_from_db()
    assert account.version > before
    assert is_weighed(account)


def test_money_given_back_is_a_negative_cost(account: Account) -> None:
    removed = operation(account, 10, 40, REMOVE)
    read(account, 41, "105.50")
    assert cost(removed) == Decimal("-5.50")


def test_readings_far_apart_leave_time_for_a_deposit(account: Account) -> None:
    # Somebody with 100 paid 50 in and bought for 74.
    Account.objects.update(operations_cursor=at(900))
    bought = operation(account, 600, 640)
    read(account, 641, "76.00")
    assert cost(bought) is None
    assert is_weighed(account)


def test_two_operations_in_one_interval_cost_nobody_knows_what(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, 40)
    read(account, 41, "52.00")
    assert (cost(first), cost(second)) == (None, None)
    assert is_weighed(account)


def test_two_operations_one_after_the_other_have_a_cost_each(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 50, 80, RENEW)
    read(account, 41, "76.00")
    read(account, 81, "70.00")
    assert (cost(first), cost(second)) == (Decimal(24), Decimal(6))


def test_two_that_overlap_have_a_cost_each_when_the_provider_s_stamps_tell_them_apart(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, None)
    read(account, 41, "76.00")
    assert cost(first) is None
    assert not is_weighed(account)
    # Until it has ended, nobody knows that it had not when the balance was read.
    ended = {"state": State.DONE, "finished_at": at(81), "remote_updated_at": at(80)}
    Operation.objects.filter(pk=second.pk).update(**ended)
    read(account, 82, "70.00")
    assert (cost(first), cost(second)) == (Decimal(24), Decimal(6))


def test_what_nobody_can_tell_for_a_day_is_not_asked_about_at_every_look(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed = operation(account, 12, None, state=State.UNCERTAIN, needs_person=True)
    read(account, 41, "76.00")
    assert cost(unconfirmed) is None
    assert not is_weighed(account)
    monkeypatch.setattr(observed, "_GIVE_UP_AFTER", timedelta(minutes=5))
    assert cost(unconfirmed) is None
    assert is_weighed(account)


def test_a_stamp_too_near_to_the_reading_tells_nothing(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, 46, remote_updated_at=at(44))
    read(account, 41, "76.00")
    read(account, 47, "70.00")
    assert (cost(first), cost(second)) == (None, None)


def test_a_failed_operation_has_cost_nothing_and_hides_no_other(account: Account) -> None:
    failed = operation(account, 10, 39, state=State.FAILED, remote_state="ERROR")
    refused = operation(account, 10, 39, state=State.REFUSED, remote_id=None)
    done = operation(account, 12, 40)
    read(account, 41, "76.00")
    assert [cost(each) for each in (failed, refused, done)] == [None, None, Decimal(24)]


def test_servers_move_no_money(account: Account) -> None:
    bought = operation(account, 10, 40)
    operation(account, 10, 40, "vm_create", params={})
    read(account, 41, "76.00")
    assert cost(bought) == Decimal(24)


@pytest.mark.parametrize("kind", [RENEW, "domain_renew"])
def test_an_operation_from_elsewhere_may_have_moved_the_money(account: Account, kind: str) -> None:
    ours = operation(account, 10, 40)
    operation(account, 20, 40, kind, origin="outside", remote_updated_at=at(25))
    read(account, 41, "70.00")
    assert cost(ours) is None


def test_a_product_that_changed_elsewhere_may_have_moved_the_money(account: Account) -> None:
    ours = operation(account, 10, 40)
    factories.change(account, object_type="product")
    read(account, 41, "70.00")
    assert cost(ours) is None


def test_what_others_did_meanwhile_must_be_known_first(account: Account) -> None:
    ours = operation(account, 10, 40)
    read(account, 41, "76.00")
    Account.objects.update(operations_cursor=at(42))
    assert cost(ours) is None
    # A provider's clock that is ahead has come further than it seems.
    Account.objects.update(operations_cursor=at(500), clock_offset_s=480.0)
    assert cost(ours) is None
    Account.objects.update(clock_offset_s=400.0)
    assert cost(ours) == Decimal(24)


@pytest.mark.parametrize(
    ("kind", "balance"),
    [(ADD, "150.00"), (RENEW, "150.00"), (REMOVE, "90.00"), (UPDATE, "90.00")],
)
def test_a_change_in_the_wrong_direction_is_no_cost(account: Account, kind: str, balance: str) -> None:
    # From four shares to two.
    ours = operation(account, 10, 40, kind)
    read(account, 41, balance)
    assert cost(ours) is None


def test_an_operation_that_may_have_caused_two_changes_is_certain_for_none(account: Account) -> None:
    ours = operation(account, 10, 40)
    read(account, 39, "98.00")
    assert cost(ours) is None
    read(account, 41, "74.00")
    assert cost(ours) is None
    assert is_weighed(account)


def test_a_change_that_was_read_before_its_operation_was_known_to_be_over_counts_once_it_was_read_again(
    account: Account,
) -> None:
    ours = operation(account, 10, 40)
    read(account, 38, "76.00")
    assert cost(ours) is None
    read(account, 41, "76.00")
    assert cost(ours) == Decimal(24)


def test_a_person_s_word_that_it_happened_is_no_cost(account: Account) -> None:
    ours = operation(account, 10, 40, remote_id=None)
    read(account, 41, "76.00")
    assert cost(ours) is None


def test_a_balance_that_was_read_before_is_not_asked_about_again(account: Account) -> None:
    earlier = operation(account, -40, -10)
    ours = operation(account, 10, 40)
    read(account, 41, "76.00")
    assert (cost(earlier), cost(ours)) == (None, Decimal(24))
