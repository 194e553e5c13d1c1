"""Operations above a spending limit are held until a second member approves them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from hosting.accounts.models import Account, Endpoint
from hosting.inventory.models import Product
from hosting.operations import sweep
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import approvals
from hosting.operations.lifecycle.cancel import cancel, may_cancel
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.problems import explain
from hosting.operations.models.rejection import AccountTrouble, Busy, EndpointAway, Invalid, WrongState
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.operations.plans.new_server import NewServer
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Role
from tests import factories
from tests.contract.conftest import Member
from tests.engine import Engine

BUY = catalogue.AddProduct("shares", 2, "1m")
SPEC = NewServer(
    buy_shares=4,
    duration="1m",
    hostname="shop",
    os_id=111,
    shares=4,
    cpu=2,
    login="admin",
    disk_size_mb=4096,
    disk_name="shop-data",
    disk_fstype="xfs",
)


@pytest.fixture
def approver(owner: Membership) -> Membership:
    return factories.member(Role.BILLING, of=owner.team)


@pytest.fixture
def limit(approver: Membership) -> SpendingLimit:
    """The owner may ask for nothing without a second person."""
    return SpendingLimit.objects.create(team=approver.team, role=Role.OWNER, shares=0, money=0)


@pytest.fixture
def held(account: Account, owner: Membership, limit: SpendingLimit, engine: Engine) -> Operation:
    operation = submit(BUY, account=account, by=owner)
    assert operation.state == State.HELD
    return operation


def told(operation: Operation) -> list[str]:
    actions = AuditEntry.objects.filter(operation_id=operation.pk).order_by("pk")
    return list(actions.values_list("action", flat=True))


def count(remote: Member, kind: str = BUY.method) -> int:
    return len(remote.operation_list({"type": kind}))


def test_held_operation_is_sent_once_after_approval(
    held: Operation, owner: Membership, approver: Membership, engine: Engine, remote: Member
) -> None:
    before = count(remote)
    Operation.objects.update(created_at=timezone.now() - timedelta(hours=1))
    for _ in range(3):
        sweep.sweep()
        engine.drain()
    assert count(remote) == before
    assert approvals.approve(held, by=approver, comment="for the shop")
    assert not approvals.approve(held, by=approver)
    done = engine.finish(held)
    assert (done.state, count(remote)) == (State.DONE, before + 1)
    assert (done.requested_by, done.decided_by, done.decision_comment) == (owner.user, approver.user, "for the shop")
    entry = AuditEntry.objects.get(action="operation.approved")
    assert (entry.actor, entry.before, entry.after) == (approver.user, {"state": "held"}, {"state": "waiting"})
    assert entry.detail == {"comment": "for the shop"}


def test_requester_and_tokens_cannot_approve(held: Operation, owner: Membership) -> None:
    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(WrongState, match="You can't decide on your own operation"):
            decide(held, by=owner)
    assert not approvals.may_decide(held, owner)
    # Nor through another of their memberships, nor with a token, their own or the team's.
    approver = factories.member(Role.OWNER, of=held.account.team)
    approver.via = Origin(token_id=7)
    with pytest.raises(WrongState, match="Token"):
        approvals.approve(held, by=approver)
    assert Operation.objects.get(pk=held.pk).state == State.HELD


@pytest.mark.parametrize("role", [Role.ADMIN, Role.OPERATOR, Role.VIEWER, Role.AUDITOR])
def test_roles_without_approval_permission_cannot_decide(held: Operation, role: Role) -> None:
    by = factories.member(role, of=held.account.team)
    for decide in (approvals.approve, approvals.refuse):
        with pytest.raises(NotAllowedError):
            decide(held, by=by)


def test_restricted_approver_decides_only_for_their_accounts(held: Operation, approver: Membership) -> None:
    Membership.objects.filter(pk=approver.pk).update(narrowed=True)
    approver.refresh_from_db()
    assert approvals.approvers(held.account, besides=held.requested_by_id) == []
    with pytest.raises(NotAllowedError):
        approvals.approve(held, by=approver)
    approver.accounts.add(held.account)
    assert approvals.approvers(held.account, besides=held.requested_by_id) == [approver.user]
    assert approvals.may_decide(held, approver)
    assert approvals.approve(held, by=approver)


def test_approval_needs_a_requester_who_still_has_permission(
    held: Operation, owner: Membership, approver: Membership
) -> None:
    factories.member(Role.OWNER, of=owner.team)
    Membership.objects.filter(pk=owner.pk).update(role=Role.OPERATOR)
    with pytest.raises(WrongState, match="no longer has permission to spend money here"):
        approvals.approve(held, by=approver)
    owner.delete()
    with pytest.raises(WrongState, match="has left the team"):
        approvals.approve(held, by=approver)
    assert approvals.refuse(held, by=approver)


def test_approval_repeats_all_checks(account: Account, owner: Membership, approver: Membership) -> None:
    product = Product.objects.filter(account=account).earliest("pk")
    SpendingLimit.objects.create(team=owner.team, role=Role.OWNER, shares=0)
    held = submit(catalogue.UpdateProduct(product.remote_id, product.quantity + 2), account=account, by=owner)
    with pytest.raises(Busy):
        submit(catalogue.RenewProduct(product.remote_id, "1m"), account=account, by=owner)
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    with pytest.raises(AccountTrouble):
        approvals.approve(held, by=approver)
    Account.objects.update(trouble="")
    Endpoint.objects.update(away_since=timezone.now())
    with pytest.raises(EndpointAway):
        approvals.approve(held, by=approver)
    Endpoint.objects.update(away_since=None)
    Product.objects.update(quantity=product.quantity + 1)
    with pytest.raises(WrongState, match="The quantity has changed"):
        approvals.approve(held, by=approver)
    product.delete()
    with pytest.raises(WrongState, match="no longer exists"):
        approvals.approve(held, by=approver)
    with pytest.raises(Invalid):
        approvals.refuse(held, by=approver, comment="x" * 501)
    assert Operation.objects.get(pk=held.pk).state == State.HELD


def test_declined_operation_keeps_the_reason_and_can_be_retried(
    held: Operation, owner: Membership, approver: Membership
) -> None:
    assert approvals.refuse(held, by=approver, comment="not this month")
    assert not approvals.refuse(held, by=approver)
    assert not approvals.approve(held, by=approver)
    held.refresh_from_db()
    problem = explain(held)
    assert (held.state, held.decided_by, held.decision_comment) == (State.DECLINED, approver.user, "not this month")
    assert problem
    assert "wasn't approved" in problem.title
    again = retry(held, by=owner)
    assert (again.state, again.retry_of) == (State.HELD, held)
    assert told(held) == ["operation.hosting_account_product_add", "operation.refused"]


def test_undecided_operation_is_declined_at_its_deadline(held: Operation, approver: Membership) -> None:
    approvals.sweep(held.due_at - timedelta(seconds=1))
    assert Operation.objects.get(pk=held.pk).state == State.HELD
    approvals.sweep(held.due_at)
    held.refresh_from_db()
    assert (held.state, held.decided_by, held.problem) == (State.DECLINED, None, {"reason": "not_decided"})
    assert not approvals.approve(held, by=approver)
    entry = AuditEntry.objects.get(action="operation.not_decided")
    assert entry.actor is None


def test_only_the_requester_can_withdraw_a_held_operation(
    held: Operation, owner: Membership, approver: Membership
) -> None:
    assert not may_cancel(held, approver)
    assert not cancel(held, by=approver)
    assert may_cancel(held, owner)
    assert cancel(held, by=owner)
    assert Operation.objects.get(pk=held.pk).state == State.CANCELLED
    assert not approvals.approve(held, by=approver)


def test_plan_waits_for_approval_and_continues(
    account: Account, owner: Membership, approver: Membership, limit: SpendingLimit, engine: Engine
) -> None:
    plan = plans.draft(SPEC, account=account, by=owner, nonce=uuid.uuid4(), secret="r00t-of-the-box")
    plans.start(plan, by=owner)
    engine.drain()
    held = plan.operations.get(step="buy")
    assert (held.state, Plan.objects.get(pk=plan.pk).state) == (State.HELD, Plan.State.RUNNING)
    assert approvals.refuse(held, by=approver)
    engine.drain()
    plan.refresh_from_db()
    assert (plan.state, plan.problem) == (Plan.State.STOPPED, {"step": "buy"})
    assert steps.steps(plan)[0].state == "stopped"
    plans.resume(plan, by=owner)
    held = plan.operations.get(step="buy", state=State.HELD)
    assert approvals.approve(held, by=approver)

    def is_done() -> bool:
        plan.refresh_from_db()
        return plan.state != Plan.State.RUNNING

    engine.until(is_done)
    assert plan.state == Plan.State.DONE


def test_bulk_action_submits_all_rows_even_when_all_are_held(
    owner: Membership, approver: Membership, engine: Any
) -> None:
    account = factories.account(owner.team)
    SpendingLimit.objects.create(team=owner.team, role=Role.OWNER, money=0)
    products = [factories.product(account) for _ in range(owner.team.bulk_at_once + 4)]
    objects = [(product.remote_id, str(product)) for product in products]
    renewal = catalogue.RenewProduct.method
    many = bulks.begin(renewal, objects, account=account, by=owner, nonce=uuid.uuid4(), params={"duration": "1m"})
    advance_bulk(many.pk)
    advance_bulk(many.pk)
    assert many.operations.filter(state=State.HELD).count() == len(products)
    for operation in many.operations.all():
        approvals.refuse(operation, by=approver)
    advance_bulk(many.pk)
    many.refresh_from_db()
    assert (many.state, bulks.counts(many)["failed"]) == ("done", len(products))
    assert bulks.retry_failed(many, by=owner) == len(products)
    advance_bulk(many.pk)
    assert many.operations.filter(state=State.HELD).count() == owner.team.bulk_at_once
