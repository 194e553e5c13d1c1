"""What a role may spend in a month without asking: what counts, what does not, and that two can't slip under it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Product
from hosting.operations.checks import spending_limits
from hosting.operations.checks.spending_limits import Demand, Over, Spent, Standing
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import decide
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import AboveSpendingLimit
from hosting.operations.models.states import State
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.policies import spending_limits as setting
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.policies.spending_limits import Limits, NoApproverError
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Role
from tests import factories

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


@pytest.fixture
def payer(owner: Membership) -> Membership:
    """A member whose role has a spending limit."""
    return factories.member(Role.BILLING, of=owner.team)


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


def limit(of: Membership, *, shares: int | None = None, money: str | None = None) -> None:
    SpendingLimit.objects.create(team=of.team, role=Role.BILLING, shares=shares, money=money)


def buy(account: Account, by: Membership, quantity: int = 1, name: str = "shares") -> Operation:
    return submit(catalogue.AddProduct(name, quantity, "1m"), account=account, by=by)


def spent(account: Account, role: str = Role.BILLING, now: datetime | None = None) -> Spent:
    standing = spending_limits.standing(account, role, now or timezone.now())
    assert standing
    return standing.spent


def demand(shares: int = 0, estimate: str | None = "0", currency: str = "EUR") -> Demand:
    return Demand(shares, None if estimate is None else Decimal(estimate), currency, spends=True)


@pytest.mark.parametrize(
    ("limits", "asked", "over"),
    [
        (Limits(), [demand(1000, None)], set()),
        (Limits(shares=10), [demand(6)], set()),
        (Limits(shares=10), [demand(7)], {Over.SHARES}),
        (Limits(shares=10), [demand(3), demand(4)], {Over.SHARES}),
        # A renewal is no share more, however far above the shares are.
        (Limits(shares=0), [demand(0, "5")], set()),
        (Limits(money=Decimal(100)), [demand(50, "40")], set()),
        (Limits(money=Decimal(100)), [demand(0, "40.01")], {Over.MONEY}),
        # Each currency counts by itself.
        (Limits(money=Decimal(100)), [demand(0, "100", "USD")], set()),
        (Limits(money=Decimal(100)), [demand(0, "100", "USD"), demand(0, "1", "USD")], {Over.MONEY}),
        (Limits(money=Decimal(100)), [demand(0, None)], {Over.PRICE}),
        (Limits(shares=100), [demand(1, None)], set()),
        (Limits(shares=0, money=Decimal(0)), [Demand(0, None, "EUR", spends=False)], set()),
        (Limits(shares=0, money=Decimal(0)), [demand(1, "0.01")], {Over.SHARES, Over.MONEY}),
    ],
)
def test_standing_reports_which_limits_are_exceeded(limits: Limits, asked: list[Demand], over: set[Over]) -> None:
    assert Standing(limits, Spent(shares=4, money={"EUR": Decimal(60)})).over(asked) == over


def test_operation_above_the_spending_limit_is_held_for_approval(account: Account, payer: Membership) -> None:
    limit(payer, shares=6)
    first, second = buy(account, payer, 4), buy(account, payer, 3)
    third = buy(account, payer, 2)
    assert [each.state for each in (first, second, third)] == [State.WAITING, State.HELD, State.WAITING]
    assert second.problem == {"reason": "above_ceiling", "over": ["shares"]}
    assert second.requested_as == Role.BILLING
    assert second.due_at > timezone.now() + timedelta(hours=71)
    assert spent(account).shares == 6
    entry = AuditEntry.objects.get(operation_id=second.pk)
    assert (entry.action, entry.outcome) == ("operation.hosting_account_product_add", "held")


def test_spending_limit_applies_to_one_role_across_all_accounts(
    account: Account, payer: Membership, owner: Membership
) -> None:
    limit(payer, shares=4)
    other = factories.account(owner.team, label="Other")
    colleague = factories.member(Role.BILLING, of=owner.team)
    assert buy(other, colleague, 3).state == State.WAITING
    assert buy(account, payer, 2).state == State.HELD
    assert buy(account, owner, 50).state == State.WAITING


def test_only_added_shares_count_against_the_spending_limit(account: Account, payer: Membership) -> None:
    limit(payer, shares=2, money="0")
    factories.purchase(account, "shares", 4, "1m", cost="40.00", days_ago=400)
    product = factories.product(account, quantity=4, ends_in_days=30)
    disk = factories.product(account, quantity=1024, product_name="disk")
    SpendingLimit.objects.update(money=None)
    grown = submit(catalogue.UpdateProduct(product.remote_id, 7), account=account, by=payer)
    assert (grown.state, grown.requested_shares) == (State.HELD, 3)
    assert grown.estimate is not None
    assert grown.estimate > 0
    Operation.objects.filter(pk=grown.pk).update(state=State.CANCELLED)
    less = submit(catalogue.UpdateProduct(product.remote_id, 1), account=account, by=payer)
    assert (less.state, less.requested_shares) == (State.WAITING, 0)
    more_disk = submit(catalogue.UpdateProduct(disk.remote_id, 9000), account=account, by=payer)
    assert (more_disk.state, more_disk.requested_shares) == (State.WAITING, 0)
    SpendingLimit.objects.update(shares=0, money="0")
    Operation.objects.filter(pk=less.pk).update(state=State.DONE)
    assert submit(catalogue.RemoveProduct(product.remote_id), account=account, by=payer).state == State.WAITING


def test_renewal_counts_in_money_and_not_in_shares(account: Account, payer: Membership) -> None:
    limit(payer, shares=0)
    factories.purchase(account, "shares", 4, "1m", cost="40.00", days_ago=400)
    product = factories.product(account, quantity=4)
    renew = catalogue.RenewProduct(product.remote_id, "1m")
    free = submit(renew, account=account, by=payer)
    assert (free.state, free.estimate, free.currency) == (State.WAITING, Decimal("40.00"), "EUR")
    Operation.objects.filter(pk=free.pk).update(state=State.DONE)
    SpendingLimit.objects.update(money="79.99")
    assert submit(renew, account=account, by=payer).state == State.HELD


def test_unknown_price_needs_approval_under_a_money_limit(account: Account, payer: Membership) -> None:
    limit(payer, money="1000")
    held = buy(account, payer)
    assert (held.state, held.problem["over"]) == (State.HELD, ["price"])
    # As good as none: no column of money holds it.
    factories.purchase(account, "shares", 1, "1m", cost="500000000.00", days_ago=400)
    assert buy(account, payer, 4096).problem["over"] == ["price"]


def test_known_cost_replaces_the_estimate(account: Account, payer: Membership) -> None:
    limit(payer, money="100")
    factories.purchase(account, "shares", 1, "1m", cost="60.00", days_ago=400)
    first = buy(account, payer)
    assert spent(account).money == {"EUR": Decimal("60.00")}
    Operation.objects.filter(pk=first.pk).update(state=State.DONE, cost="30.00")
    assert spent(account).money == {"EUR": Decimal("30.00")}
    assert buy(account, payer).state == State.WAITING


def test_each_currency_is_counted_separately(account: Account, payer: Membership, owner: Membership) -> None:
    limit(payer, money="100")
    abroad = factories.account(owner.team, label="Abroad")
    AccountInfo.objects.filter(account=abroad).update(currency="USD")
    for each in (account, abroad):
        factories.purchase(each, "shares", 1, "1m", cost="60.00", days_ago=400)
        assert buy(each, payer).state == State.WAITING
        assert buy(each, payer).state == State.HELD
    assert spent(account).money == {"EUR": Decimal(60), "USD": Decimal(60)}


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (State.HELD, 0),
        (State.WAITING, 3),
        (State.SENDING, 3),
        (State.TRACKED, 3),
        (State.UNCERTAIN, 3),
        (State.DONE, 3),
        (State.FAILED, 0),
        (State.REFUSED, 0),
        (State.NOT_SENT, 0),
        (State.RELEASED, 0),
        (State.CANCELLED, 0),
        (State.DECLINED, 0),
    ],
)
def test_operations_that_may_have_happened_count_as_spent(
    account: Account, payer: Membership, state: State, counts: int
) -> None:
    limit(payer, shares=10)
    Operation.objects.filter(pk=buy(account, payer, 3).pk).update(state=state)
    assert spent(account).shares == counts


def test_marking_an_operation_as_not_happened_frees_no_spending_limit(account: Account, payer: Membership) -> None:
    limit(payer, shares=10)
    asked = buy(account, payer, 3)
    Operation.objects.filter(pk=asked.pk).update(state=State.UNCERTAIN, needs_person=True)
    asked.refresh_from_db()
    decide.decide(asked, None, by=payer)
    assert spent(account).shares == 3


@pytest.mark.parametrize(
    ("asked", "decided", "counts"),
    [
        ("2026-11-01T00:00:00Z", None, 3),
        ("2026-10-31T23:59:59Z", None, 0),
        ("2026-10-31T20:00:00Z", "2026-11-02T08:00:00Z", 3),
        ("2026-10-30T20:00:00Z", "2026-10-31T08:00:00Z", 0),
    ],
)
def test_month_begins_at_midnight_utc_and_approved_operations_count_from_approval(
    account: Account, payer: Membership, asked: str, decided: str | None, counts: int
) -> None:
    limit(payer, shares=10)
    made = buy(account, payer, 3)
    Operation.objects.filter(pk=made.pk).update(
        created_at=datetime.fromisoformat(asked), decided_at=decided and datetime.fromisoformat(decided)
    )
    assert spent(account, now=NOON).shares == counts


def test_operation_without_cost_is_never_held(account: Account, owner: Membership) -> None:
    factories.member(of=owner.team)
    setting.set_limits({Role.OWNER: Limits(0, Decimal(0))}, by=owner)
    vm = factories.vm(account)
    assert submit(catalogue.StopVm(vm.remote_id), account=account, by=owner).state == State.WAITING


@pytest.mark.parametrize("proof", ["token", "not shown"])
def test_tokens_and_unconfirmed_forms_cannot_exceed_the_spending_limit(
    account: Account, payer: Membership, proof: str
) -> None:
    limit(payer, shares=0)
    options: dict[str, Any] = {}
    if proof == "token":
        payer.via = Origin(token_id=1)
    else:
        options["may_hold"] = False
    with pytest.raises(AboveSpendingLimit):
        submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=payer, **options)
    assert not Operation.objects.exists()


def test_only_owners_set_spending_limits_and_the_audit_log_records_old_values(
    owner: Membership, payer: Membership
) -> None:
    with pytest.raises(NotAllowedError):
        setting.set_limits({Role.BILLING: Limits(1)}, by=payer)
    assert setting.set_limits({Role.BILLING: Limits(4, Decimal("50.00")), Role.OWNER: Limits()}, by=owner)
    assert not setting.set_limits({Role.BILLING: Limits(4, Decimal(50))}, by=owner)
    assert setting.set_limits({Role.BILLING: Limits()}, by=owner)
    assert not SpendingLimit.objects.exists()
    first, second = AuditEntry.objects.filter(action="team.ceilings").order_by("pk")
    assert first.before == {"billing": {"shares": None, "money": None}}
    assert first.after == second.before == {"billing": {"shares": 4, "money": "50.00"}}


def test_spending_limit_without_a_possible_approver_is_refused(owner: Membership) -> None:
    with pytest.raises(NoApproverError):
        setting.set_limits({Role.OWNER: Limits(4)}, by=owner)
    # The owner approves what billing asks for; for the owner there must be somebody else.
    assert setting.set_limits({Role.BILLING: Limits(4)}, by=owner)
    factories.member(Role.BILLING, of=owner.team)
    assert setting.set_limits({Role.OWNER: Limits(4)}, by=owner)


def test_share_products_are_exactly_shares_and_shares_fixed() -> None:
    assert {name for name in Product.Name if name in spending_limits._SHARES} == {"shares", "shares_fixed"}
