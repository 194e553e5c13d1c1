"""Observed costs: known when a single operation explains a balance change, otherwise unknown."""

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


def test_single_operation_in_an_interval_costs_the_balance_difference(account: Account) -> None:
    bought = operation(account, 10, 40)
    read(account, 41, "76.00")
    before = account.version
    assert cost(bought) == Decimal("24.00")
    account.refresh_from_db()
    assert account.version > before
    assert is_weighed(account)


def test_refund_is_a_negative_cost(account: Account) -> None:
    removed = operation(account, 10, 40, REMOVE)
    read(account, 41, "105.50")
    assert cost(removed) == Decimal("-5.50")


def test_readings_far_apart_give_no_cost(account: Account) -> None:
    # Somebody with 100 paid 50 in and bought for 74.
    Account.objects.update(operations_cursor=at(900))
    bought = operation(account, 600, 640)
    read(account, 641, "76.00")
    assert cost(bought) is None
    assert is_weighed(account)


def test_two_operations_in_one_interval_have_no_known_cost(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, 40)
    read(account, 41, "52.00")
    assert (cost(first), cost(second)) == (None, None)
    assert is_weighed(account)


def test_consecutive_operations_each_have_a_cost(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 50, 80, RENEW)
    read(account, 41, "76.00")
    read(account, 81, "70.00")
    assert (cost(first), cost(second)) == (Decimal(24), Decimal(6))


def test_overlapping_operations_separated_by_provider_timestamps_each_have_a_cost(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, None)
    read(account, 41, "76.00")
    assert cost(first) is None
    assert not is_weighed(account)
    # Until it has ended, nobody knows that it had not when the balance was read.
    ended = {"state": State.DONE, "finished_at": at(81), "remote_updated_at": at(80)}
    Operation.objects.filter(pk=second.pk).update(**ended)
    read(account, 82, "70.00")
    assert (cost(first), cost(second)) == (Decimal(24), Decimal(6))


def test_undecidable_balance_change_is_given_up_after_the_waiting_time(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    unconfirmed = operation(account, 12, None, state=State.UNCERTAIN, needs_person=True)
    read(account, 41, "76.00")
    assert cost(unconfirmed) is None
    assert not is_weighed(account)
    monkeypatch.setattr(observed, "_GIVE_UP_AFTER", timedelta(minutes=5))
    assert cost(unconfirmed) is None
    assert is_weighed(account)


def test_timestamp_too_close_to_the_reading_gives_no_cost(account: Account) -> None:
    first, second = operation(account, 10, 40), operation(account, 12, 46, remote_updated_at=at(44))
    read(account, 41, "76.00")
    read(account, 47, "70.00")
    assert (cost(first), cost(second)) == (None, None)


def test_failed_operations_have_no_cost_and_do_not_hide_others(account: Account) -> None:
    failed = operation(account, 10, 39, state=State.FAILED, remote_state="ERROR")
    refused = operation(account, 10, 39, state=State.REFUSED, remote_id=None)
    done = operation(account, 12, 40)
    read(account, 41, "76.00")
    assert [cost(each) for each in (failed, refused, done)] == [None, None, Decimal(24)]


def test_server_operations_do_not_affect_costs(account: Account) -> None:
    bought = operation(account, 10, 40)
    operation(account, 10, 40, "vm_create", params={})
    read(account, 41, "76.00")
    assert cost(bought) == Decimal(24)


@pytest.mark.parametrize("kind", [RENEW, "domain_renew"])
def test_external_operation_makes_the_cost_unknown(account: Account, kind: str) -> None:
    ours = operation(account, 10, 40)
    operation(account, 20, 40, kind, origin="outside", remote_updated_at=at(25))
    read(account, 41, "70.00")
    assert cost(ours) is None


def test_external_product_change_makes_the_cost_unknown(account: Account) -> None:
    ours = operation(account, 10, 40)
    factories.change(account, object_type="product")
    read(account, 41, "70.00")
    assert cost(ours) is None


def test_cost_waits_until_external_operations_are_known(account: Account) -> None:
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
def test_balance_change_in_the_wrong_direction_is_no_cost(account: Account, kind: str, balance: str) -> None:
    # From four shares to two.
    ours = operation(account, 10, 40, kind)
    read(account, 41, balance)
    assert cost(ours) is None


def test_operation_matching_two_balance_changes_has_no_cost(account: Account) -> None:
    ours = operation(account, 10, 40)
    read(account, 39, "98.00")
    assert cost(ours) is None
    read(account, 41, "74.00")
    assert cost(ours) is None
    assert is_weighed(account)


def test_early_balance_change_counts_after_a_second_reading(
    account: Account,
) -> None:
    ours = operation(account, 10, 40)
    read(account, 38, "76.00")
    assert cost(ours) is None
    read(account, 41, "76.00")
    assert cost(ours) == Decimal(24)


def test_operation_without_remote_id_has_no_cost(account: Account) -> None:
    ours = operation(account, 10, 40, remote_id=None)
    read(account, 41, "76.00")
    assert cost(ours) is None


def test_operation_finished_before_the_first_reading_is_ignored(account: Account) -> None:
    earlier = operation(account, -40, -10)
    ours = operation(account, 10, 40)
    read(account, 41, "76.00")
    assert (cost(earlier), cost(ours)) == (None, Decimal(24))
