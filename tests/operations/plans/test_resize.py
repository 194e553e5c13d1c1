"""A resize that needs a stopped server, as one plan: stop, change, start."""

import uuid

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import NotEnough, WrongState
from hosting.operations.plans import control as plans
from hosting.operations.plans.advance import advance as advance_plan
from hosting.operations.plans.catalogue import spec_of
from hosting.operations.plans.resize import Resize
from hosting.teams.models import Membership
from tests import factories
from tests.concurrently import at_once
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.operations.plans.test_plans import run, states
from tests.processes import Provider


@pytest.fixture
def vm_id(remote: Member) -> int:
    """A running server of one share, made before the account is read."""
    return remote.new_vm()


@pytest.fixture
def vm(vm_id: int, account: Account) -> Vm:
    return Vm.objects.get(account=account, remote_id=vm_id)


def draft(vm: Vm, by: Membership, **size: int) -> Plan:
    change = catalogue.UpdateVm(vm.remote_id, **(size or {"shares": 3, "vm_max_memory_mb": 4096}))
    return plans.draft(Resize.of(vm, change), account=vm.account, by=by, nonce=uuid.uuid4())


@pytest.fixture
def plan(vm: Vm, owner: Membership) -> Plan:
    return draft(vm, owner)


def asked(plan: Plan) -> list[tuple[str, str]]:
    return list(plan.operations.order_by("id").values_list("kind", "state"))


def test_resize_stops_changes_and_starts_the_server(
    plan: Plan, vm_id: int, owner: Membership, engine: Engine, remote: Member
) -> None:
    plans.start(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert asked(plan) == [("vm_stop", "done"), ("vm_update", "done"), ("vm_start", "done")]
    assert states(plan) == ["done"] * 3
    vm = remote.vm_info(vm_id)
    assert (vm["state"], vm["shares"], vm["cores"], vm["vm_max_memory"]) == ("running", 3, 1, 4096)


def test_failed_resize_leaves_the_server_stopped_and_can_be_resumed(
    plan: Plan, vm_id: int, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("vm_update:fail@1"):
        run(engine, plan)
    assert plan.state == Plan.State.STOPPED
    assert states(plan) == ["done", "stopped", "todo"]
    assert remote.vm_info(vm_id)["state"] == "halted"
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert [kind for kind, _state in asked(plan)] == ["vm_stop", "vm_update", "vm_update", "vm_start"]
    assert remote.vm_info(vm_id)["state"] == "running"


def test_resumed_resize_stops_a_server_started_meanwhile(
    plan: Plan, vm_id: int, owner: Membership, account: Account, engine: Engine, provider: Provider, remote: Member
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("vm_update:fail@1"):
        run(engine, plan)
    engine.finish(submit(catalogue.StartVm(vm_id), account=account, by=owner))
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert [kind for kind, _state in asked(plan)] == ["vm_stop", "vm_update", "vm_stop", "vm_update", "vm_start"]
    assert remote.vm_info(vm_id)["shares"] == 3


def test_resize_skips_steps_already_done(
    plan: Plan, vm_id: int, owner: Membership, account: Account, engine: Engine, provider: Provider, remote: Member
) -> None:
    engine.finish(submit(catalogue.StopVm(vm_id), account=account, by=owner))
    plans.start(plan, by=owner)
    with provider.faults("vm_start:fail@1"):
        run(engine, plan)
    assert states(plan) == ["skipped", "done", "stopped"]
    engine.finish(submit(catalogue.StartVm(vm_id), account=account, by=owner))
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    assert [kind for kind, _state in asked(plan)] == ["vm_update", "vm_start"]
    assert remote.vm_info(vm_id)["state"] == "running"


def test_start_step_needs_a_reading_after_the_change(vm: Vm, plan: Plan) -> None:
    # The change is over, and the server could not be read again since.
    changed = factories.operation(vm.account, kind="vm_update", state="done", finished_at=timezone.now())
    spec = spec_of(plan)
    assert not spec.is_settled("start", vm.account, {"change": changed})
    Vm.objects.update(read_at=timezone.now())
    assert spec.is_settled("start", vm.account, {"change": changed})


def test_resize_without_free_shares_does_not_stop_the_server(
    plan: Plan, owner: Membership, account: Account, engine: Engine
) -> None:
    submit(catalogue.CreateVm("other", 111, 7, 1, "admin"), account=account, by=owner, secret="r00t-of-it")
    plans.start(plan, by=owner)
    plan.refresh_from_db()
    assert (plan.state, plan.problem) == (Plan.State.STOPPED, {"step": "stop", "reason": "not_free"})
    assert asked(plan) == []


def test_resize_stops_before_the_next_step_when_the_requester_has_left(
    plan: Plan, vm_id: int, owner: Membership, engine: Engine, remote: Member
) -> None:
    plans.start(plan, by=owner)
    owner.delete()
    assert run(engine, plan).state == Plan.State.STOPPED
    assert plan.problem == {"step": "change", "reason": "member_left"}
    assert asked(plan) == [("vm_stop", "done")]


def test_concurrent_advances_submit_a_step_once(plan: Plan, owner: Membership, engine: Engine, remote: Member) -> None:
    plans.start(plan, by=owner)
    engine.finish(plan.operations.get())
    engine.queue.clear()
    at_once(*[lambda: advance_plan(plan.pk)] * 4)
    assert Operation.objects.filter(plan=plan, step="change").count() == 1
    assert run(engine, plan).state == Plan.State.DONE


def test_revising_a_stopped_resize_keeps_finished_steps(
    plan: Plan, vm: Vm, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    plans.start(plan, by=owner)
    with provider.faults("vm_update:fail@1"):
        run(engine, plan)
    vm.refresh_from_db()
    plans.revise(plan, Resize.of(vm, catalogue.UpdateVm(vm.remote_id, vm_max_memory_mb=3072)), by=owner)
    plans.resume(plan, by=owner)
    assert run(engine, plan).state == Plan.State.DONE
    found = remote.vm_info(vm.remote_id)
    assert (found["shares"], found["vm_max_memory"]) == (1, 3072)


@pytest.mark.parametrize(
    ("size", "refusal", "field"),
    [
        ({"shares": 99}, NotEnough, "shares"),
        ({"cpu": 2}, WrongState, "cpu"),
    ],
)
def test_impossible_size_is_refused_before_the_server_stops(
    vm: Vm, owner: Membership, size: dict[str, int], refusal: type[Exception], field: str
) -> None:
    with pytest.raises(refusal) as refused:
        draft(vm, owner, **size)
    assert refused.value.field == field  # type: ignore[attr-defined]
    assert not Plan.objects.exists()
