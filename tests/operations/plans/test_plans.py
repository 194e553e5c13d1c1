"""A new server as one plan of ordinary operations."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation, OperationQuerySet
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Invalid, NotEnough, WrongState
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.operations.plans.advance import advance as advance_plan
from hosting.operations.plans.new_server import NewServer
from hosting.teams.models import Membership, User
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.processes import Provider

SECRET = "r00t-of-the-box"
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
def plan(account: Account, owner: Membership) -> Plan:
    return plans.draft(SPEC, account=account, by=owner, nonce=uuid.uuid4(), secret=SECRET)


def run(engine: Engine, plan: Plan) -> Plan:
    """Work until the plan has ended or stopped."""

    def is_over() -> bool:
        plan.refresh_from_db()
        return plan.state != Plan.State.RUNNING

    engine.until(is_over)
    return plan


def requested() -> OperationQuerySet:
    """What was asked for here."""
    return Operation.objects.filter(origin=Operation.Origin.PANEL)


def states(plan: Plan) -> list[str]:
    return [step.state for step in steps.steps(plan)]


def test_plan_runs_five_steps_as_operations(plan: Plan, owner: Membership, engine: Engine, remote: Member) -> None:
    assert states(plan) == ["todo"] * 5
    plans.start(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert states(plan) == ["done"] * 5
    kinds = list(requested().order_by("id").values_list("kind", "state"))
    assert kinds == [
        ("hosting_account_product_add", "done"),
        ("vm_create", "done"),
        ("disk_create", "done"),
        ("disk_attach", "done"),
    ]
    (vm_id,) = remote.vm_list()
    vm = remote.vm_info(vm_id)
    assert vm["state"] == "running"
    assert len(vm["disks"]) == 2
    assert plan.sealed_secret == ""


def test_starting_a_plan_twice_runs_it_once(plan: Plan, owner: Membership, engine: Engine, remote: Member) -> None:
    plans.start(plan, by=owner)
    plans.start(plan, by=owner)
    advance_plan(plan.pk)
    run(engine, plan)
    assert len(remote.vm_list()) == 1
    assert requested().count() == 4


def test_plan_can_use_existing_free_shares(account: Account, owner: Membership, engine: Engine, remote: Member) -> None:
    spec = replace(SPEC, buy_shares=0)
    plan = plans.draft(spec, account=account, by=owner, nonce=uuid.uuid4(), secret=SECRET)
    plans.start(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert states(plan)[0] == "skipped"
    assert len(remote.operation_list({"type": "hosting_account_product_add"})) == 1


def test_failed_step_can_be_resumed(
    plan: Plan, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("disk_create:fail@1"):
        run(engine, plan)
    assert plan.state == Plan.State.STOPPED
    assert states(plan) == ["done", "done", "done", "stopped", "todo"]
    assert not steps.needs_password(plan)
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert len(remote.vm_list()) == 1
    first, again = Operation.objects.filter(step="disk").order_by("id")
    assert again.retry_of == first


def test_stopped_plan_can_be_revised_and_needs_the_password_again(
    plan: Plan, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("vm_create:fail@1"):
        run(engine, plan)
    assert states(plan) == ["done", "done", "stopped", "todo", "todo"]
    assert steps.needs_password(plan)
    with pytest.raises(WrongState) as refused:
        plans.resume(plan, by=owner)
    assert refused.value.field == "password"
    plans.revise(plan, replace(SPEC, buy_shares=99, hostname="shop-2"), by=owner, secret=SECRET)
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert "shop-2" in [remote.vm_info(vm_id)["hostname"] for vm_id in remote.vm_list()]
    assert len(remote.operation_list({"type": "hosting_account_product_add"})) == 2


def test_plan_continues_after_a_crash_between_steps(
    plan: Plan, owner: Membership, engine: Engine, remote: Member
) -> None:
    plans.start(plan, by=owner)
    operation = requested().get()
    engine.finish(operation)
    engine.queue.clear()
    Plan.objects.filter(pk=plan.pk).update(updated_at=plan.created_at.replace(year=2020))
    assert run(engine, plan).state == Plan.State.DONE
    assert len(remote.vm_list()) == 1


def test_unreachable_provider_stops_the_plan_and_keeps_the_password(
    plan: Plan, account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    url = account.endpoint.url
    account.endpoint.url = "http://127.0.0.1:9/xmlrpc/"
    account.endpoint.save()
    plans.start(plan, by=owner)
    assert run(engine, plan).state == Plan.State.STOPPED
    assert not steps.needs_password(plan)
    account.endpoint.url, account.endpoint.away_since = url, None
    account.endpoint.save()
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"hostname": "Spaces and underscores"}, "hostname"),
        ({"disk_size_mb": 12}, "disk_size_mb"),
        ({"disk_name": ""}, "disk_name"),
        ({"disk_fstype": "ntfs"}, "disk_fstype"),
        ({"duration": "6y"}, "duration"),
        ({"cpu": 4, "shares": 3}, "cpu"),
        ({"os_id": 4711}, "os_id"),
        ({"buy_shares": 0, "shares": 9}, "buy_shares"),
        ({"disk_size_mb": 900_000}, "buy_shares"),
    ],
)
def test_bad_input_names_the_field(account: Account, owner: Membership, change: dict[str, object], field: str) -> None:
    with pytest.raises((Invalid, NotEnough)) as refused:
        plans.draft(
            replace(SPEC, **change),  # type: ignore[arg-type]
            account=account,
            by=owner,
            nonce=uuid.uuid4(),
            secret=SECRET,
        )
    assert refused.value.field == field
    assert not Plan.objects.exists()


def test_plan_with_a_purchase_needs_spending_permission(account: Account, owner: Membership) -> None:
    operator = Membership.objects.create(
        team=owner.team, user=User.objects.create_user("o@example.org"), role=Role.OPERATOR
    )
    with pytest.raises(NotAllowedError):
        plans.draft(SPEC, account=account, by=operator, nonce=uuid.uuid4(), secret=SECRET)


def test_plan_stops_when_its_requester_has_left(plan: Plan, owner: Membership, engine: Engine) -> None:
    plans.start(plan, by=owner)
    owner.delete()
    assert run(engine, plan).state == Plan.State.STOPPED
    assert requested().count() == 1


def test_unreadable_password_must_be_entered_again(
    plan: Plan, owner: Membership, engine: Engine, remote: Member
) -> None:
    plans.start(plan, by=owner)
    Plan.objects.filter(pk=plan.pk).update(sealed_secret="sealed-with-a-lost-key")
    assert run(engine, plan).state == Plan.State.STOPPED
    assert steps.needs_password(plan)
    plans.revise(plan, SPEC, by=owner, secret=SECRET)
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert len(remote.vm_list()) == 1


def test_failed_step_stops_the_plan_despite_clock_skew(
    plan: Plan, owner: Membership, engine: Engine, provider: Provider
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("hosting_account_product_add:fail@1"):
        engine.drain()
        Operation.objects.filter(plan=plan).update(created_at=plan.created_at - timedelta(seconds=2))
        run(engine, plan)
    assert plan.state == Plan.State.STOPPED


def test_plan_resumed_meanwhile_cannot_be_revised(plan: Plan, owner: Membership, engine: Engine) -> None:
    before = Plan.objects.get(pk=plan.pk)
    plans.start(plan, by=owner)
    with pytest.raises(WrongState):
        plans.revise(before, replace(SPEC, hostname="other"), by=owner)
    plan.refresh_from_db()
    assert plan.spec["hostname"] == "shop"


@pytest.fixture
def operator(owner: Membership) -> Membership:
    user = User.objects.create_user("operator@example.org")
    return Membership.objects.create(team=owner.team, user=user, role=Role.OPERATOR)


def test_operator_can_resume_a_plan_after_its_purchase(
    plan: Plan, owner: Membership, operator: Membership, engine: Engine, provider: Provider
) -> None:
    with pytest.raises(NotAllowedError):
        plans.start(plan, by=operator)
    plans.start(plan, by=owner)
    with provider.faults("disk_create:fail@1"):
        run(engine, plan)
    assert not steps.must_buy(plan)
    plans.revise(plan, replace(SPEC, disk_size_mb=2048), by=operator)
    plans.resume(plan, by=operator)
    assert run(engine, plan).state == Plan.State.DONE


def test_operator_can_discard_but_not_resume_a_plan_before_its_purchase(
    plan: Plan, owner: Membership, operator: Membership, engine: Engine, provider: Provider
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("hosting_account_product_add:fail@1"):
        run(engine, plan)
    assert steps.must_buy(plan)
    with pytest.raises(NotAllowedError):
        plans.resume(plan, by=operator)
    plans.abandon(plan, by=operator)
    plan.refresh_from_db()
    assert plan.state == Plan.State.ABANDONED


def test_steps_show_amounts_and_free_shares_only_before_the_check(
    plan: Plan, owner: Membership, engine: Engine
) -> None:
    buy, verify, vm, disk, _attach = steps.steps(plan)
    assert (buy.shares, buy.duration) == (4, "1m")
    assert (verify.shares, verify.free_shares) == (4, 12)
    assert (vm.shares, vm.disk_mb) == (4, 2048)
    assert disk.disk_mb == 4096
    plans.start(plan, by=owner)
    run(engine, plan)
    assert steps.steps(plan)[1].free_shares is None


def test_plan_stores_its_stop_reason_as_data(plan: Plan, account: Account, owner: Membership, engine: Engine) -> None:
    plans.start(plan, by=owner)
    requested().update(state=State.DONE)
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    advance_plan(plan.pk)
    plan.refresh_from_db()
    assert plan.problem == {"step": "vm", "reason": "trouble", "trouble": "credentials"}
