"""Plans and bulk actions go on only while their requester could ask for the next step in person."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds.catalogue import UpdateVm
from hosting.operations.lifecycle import approvals
from hosting.operations.lifecycle.requester import REASONS
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import WrongState
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans.advance import advance as advance_plan
from hosting.operations.plans.base import StopReason
from hosting.operations.plans.resize import Resize
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.request_origin import Origin
from hosting.teams.roles import Permission, Role
from hosting.web.audit import wording
from tests import factories
from tests.web.access.signing_in import with_app
from tests.web.views.test_approvals import held

pytestmark = pytest.mark.django_db
HERE = "192.0.2.7"


@pytest.fixture
def owner() -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


@pytest.fixture
def operator(owner: Membership) -> Membership:
    member = factories.member(Role.OPERATOR, of=owner.team)
    member.via = Origin(address=HERE)
    return member


def require_second_factor(member: Membership) -> None:
    long_ago = timezone.now() - timedelta(days=30)
    Membership.objects.filter(pk=member.pk).update(created_at=long_ago)
    Team.objects.filter(pk=member.team_id).update(two_factor_since=long_ago, grace_days=7)


def allow_another_network(member: Membership) -> None:
    Team.objects.filter(pk=member.team_id).update(networks=["198.51.100.0/24"])


def end_membership(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(expires_at=timezone.now())


def remove(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).delete()


def lower_role(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER)


def take_account(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(narrowed=True)


CHANGES: list[tuple[Callable[[Membership], None], str]] = [
    (require_second_factor, "two_factor"),
    (allow_another_network, "network"),
    (end_membership, "member_left"),
    (remove, "member_left"),
    (lower_role, "not_allowed"),
    (take_account, "not_allowed"),
]


def stopped_line(action: str, account: Account) -> AuditEntry:
    return AuditEntry.objects.get(action=action, account_id=account.pk)


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_bulk_action_stops_before_its_next_row(
    account: Account, operator: Membership, change: Callable[[Membership], None], reason: str
) -> None:
    Team.objects.filter(pk=operator.team_id).update(bulk_at_once=1)
    servers = [(vm.remote_id, vm.hostname) for vm in (factories.vm(account), factories.vm(account))]
    bulk = bulks.begin("vm_stop", servers, account=account, by=operator, nonce=uuid.uuid4())
    advance_bulk(bulk.pk)
    Operation.objects.filter(bulk=bulk).update(state=State.DONE)
    change(operator)
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.problem) == (Bulk.State.PAUSED, reason)
    assert Operation.objects.filter(bulk=bulk).count() == 1
    line = stopped_line("bulk.stopped", account)
    assert (line.actor_id, line.outcome, line.detail["reason"]) == (None, "refused", reason)
    assert list(wording.more_words(line)) == [bulk.get_problem_display()]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
def test_plan_stops_before_its_next_step(
    account: Account, operator: Membership, change: Callable[[Membership], None], reason: str
) -> None:
    plan = begun_plan(account, operator)
    Operation.objects.filter(plan=plan).update(state=State.DONE, finished_at=timezone.now())
    Vm.objects.filter(account=account).update(state=Vm.State.HALTED, read_at=timezone.now())
    change(operator)
    advance_plan(plan.pk)
    plan.refresh_from_db()
    assert (plan.state, plan.problem["reason"]) == (Plan.State.STOPPED, reason)
    assert Operation.objects.filter(plan=plan).count() == 1
    line = stopped_line("plan.stopped", account)
    assert (line.actor_id, line.outcome, line.detail["reason"]) == (None, "refused", reason)
    assert list(wording.more_words(line))


def begun_plan(account: Account, by: Membership) -> Plan:
    """A plan to resize a server, whose first step is under way."""
    vm = factories.vm(account, "web-1")
    spec = Resize.of(vm, UpdateVm(vm_id=vm.remote_id, shares=vm.shares + 1))
    plan = plans.draft(spec, account=account, by=by, nonce=uuid.uuid4())
    plans.start(plan, by=by)
    assert Operation.objects.filter(plan=plan).count() == 1
    return plan


def test_another_member_resumes_what_was_stopped(account: Account, operator: Membership, owner: Membership) -> None:
    servers = [(factories.vm(account).remote_id, "web-1")]
    bulk = bulks.begin("vm_stop", servers, account=account, by=operator, nonce=uuid.uuid4())
    allow_another_network(operator)
    advance_bulk(bulk.pk)
    owner.via = Origin(address="198.51.100.9")
    bulk.refresh_from_db()
    bulks.resume(bulk, by=owner)
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.requested_from) == (Bulk.State.RUNNING, "198.51.100.9")
    assert Operation.objects.filter(bulk=bulk, requested_by=owner.user).count() == 1


def test_member_who_meets_the_policies_is_not_stopped(account: Account, operator: Membership) -> None:
    servers = [(factories.vm(account).remote_id, "web-1")]
    bulk = bulks.begin("vm_stop", servers, account=account, by=operator, nonce=uuid.uuid4())
    require_second_factor(operator)
    with_app(operator.user)
    Team.objects.filter(pk=operator.team_id).update(networks=["192.0.2.0/24"])
    advance_bulk(bulk.pk)
    assert Operation.objects.filter(bulk=bulk).count() == 1


def test_network_of_a_token_holds_for_its_bulk_actions(account: Account, owner: Membership) -> None:
    token = factories.new_token(owner, "t", Permission.OPERATE).token
    owner.via = Origin(address=HERE, token_id=token.pk, token_name=token.name)
    servers = [(factories.vm(account).remote_id, "web-1")]
    bulk = bulks.begin("vm_stop", servers, account=account, by=owner, nonce=uuid.uuid4())
    type(token).objects.filter(pk=token.pk).update(networks=["198.51.100.0/24"])
    advance_bulk(bulk.pk)
    bulk.refresh_from_db()
    assert (bulk.state, bulk.problem) == (Bulk.State.PAUSED, Bulk.Problem.NETWORK)


def test_request_of_a_member_whom_a_policy_keeps_out_is_not_approved(account: Account, owner: Membership) -> None:
    payer = factories.member(Role.BILLING, of=owner.team)
    SpendingLimit.objects.create(team=owner.team, role=Role.BILLING, shares=1)
    operation = held(account, payer)
    with_app(owner.user)
    require_second_factor(payer)
    with pytest.raises(WrongState):
        approvals.approve(operation, by=owner)
    assert approvals.refuse(operation, by=owner)


def test_plans_and_bulk_actions_know_every_reason_of_a_requester() -> None:
    for reason in REASONS:
        assert {StopReason(reason).value, Bulk.Problem(reason).value} == {reason}
