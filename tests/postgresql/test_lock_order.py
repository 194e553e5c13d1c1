"""Every test that commits checks that rows are locked in one order (`tests.conftest`). These see that it would tell."""

from decimal import Decimal
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.annotations.models import Tag
from hosting.operations.costs import observed
from hosting.operations.lifecycle import conclude
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from tests import factories
from tests.concurrently import at_once
from tests.operations.costs import test_observed as observing
from tests.operations.costs.test_observed import account
from tests.postgresql.lock_order import Locked, violations

__all__ = ["account"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_wrong_order_is_noticed_in_every_thread(locked: set[Locked]) -> None:
    operation = factories.operation(factories.account(factories.team()))

    def lock_the_wrong_way() -> None:
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).get(pk=operation.account_id)
            Operation.objects.filter(pk=operation.pk).update(subject="web-2")

    for lock in (lock_the_wrong_way, lambda: at_once(lock_the_wrong_way)):
        locked.clear()
        lock()
        assert violations(locked) == ["hosting_operation after hosting_account"]
    locked.clear()


def test_transactions_are_told_apart(locked: set[Locked]) -> None:
    operation = factories.operation(factories.account(factories.team()))
    locked.clear()
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=operation.account_id)
    conclude.move(operation, State.WAITING, State.CANCELLED, problem={})
    assert ("hosting_account",) in locked
    assert max(locked, key=len) == ("hosting_operation", "hosting_account")


def test_row_without_a_place_in_the_order_comes_after_those_that_have_one(locked: set[Locked]) -> None:
    mine = factories.account(factories.team())
    tag = mine.team.tags.create(name="web", key="web", color="red")
    locked.clear()
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).get(pk=mine.pk)
        Tag.objects.select_for_update(no_key=True).get(pk=tag.pk)
    assert not violations(locked)
    with transaction.atomic():
        Tag.objects.select_for_update(no_key=True).get(pk=tag.pk)
        Account.objects.select_for_update(no_key=True).get(pk=mine.pk)
    assert violations(locked) == ["hosting_account after hosting_tag"]
    locked.clear()


def test_cost_is_written_later_while_somebody_has_locked_the_operation(account: Account) -> None:
    """Dismissing an operation that turned up late locks it before its account; a cost is found the other way round."""
    bought = observing.operation(account, 10, 40, late_at=timezone.now())
    observing.read(account, 41, "76.00")
    with transaction.atomic():
        # As far as a member comes who dismisses it.
        Operation.objects.filter(pk=bought.pk).update(dismissed_at=timezone.now())
        at_once(partial(observed.attribute_costs, account))
        assert not observing.is_weighed(account)
        versions.bump(account.pk)
    assert observing.cost(bought) == Decimal("24.00")
    assert observing.is_weighed(account)
