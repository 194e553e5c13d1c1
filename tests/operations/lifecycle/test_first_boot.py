"""A server with SSH keys and a script: what the provider gets, what stays here, and how both wait and are retried."""

import json
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.core import serializers
from pytest_django.fixtures import Settings

from hosting.accounts import extensions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import unseal
from hosting.operations.kinds.catalogue import CreateVm, load
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.operations.lifecycle import approvals
from hosting.operations.lifecycle.submit import retry, submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import Invalid, WrongState
from hosting.operations.models.states import State
from hosting.operations.plans import control as plans
from hosting.operations.plans import steps
from hosting.teams.models import Membership
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.roles import Role
from hosting.teams.ssh_keys.models import SshKey
from tests import factories
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.operations.plans.test_plans import SPEC
from tests.processes import Provider

PASSWORD = "r00t-of-the-box"
PLANTED = "planted-in-a-script-7"
SCRIPT = f"#!/bin/sh\necho {PLANTED} \u00e9\n"
KEPT = """
import json
from hosting.provider.models import *
vm = Vm.objects.get(pk={})
print(json.dumps([vm.ssh_keys, [bool(o.sealed_user_data) for o in vm.operations.all()]]))
"""


@pytest.fixture(autouse=True)
def with_extensions(engine: Engine, account: Account, settings: Settings) -> None:
    """What the first import has found, without the rest: calls carry no key."""
    settings.API_EXTENSIONS = True
    found = Endpoint.objects.get(pk=account.endpoint_id)
    assert {extensions.SSH_KEYS, extensions.USER_DATA} < set(found.extensions)
    found.extensions = [extensions.SSH_KEYS, extensions.USER_DATA]
    found.save()
    account.endpoint.refresh_from_db()


@pytest.fixture
def key(owner: Membership) -> SshKey:
    return factories.ssh_key(owner.user, "laptop", line=factories.public_key("me@laptop"))


def _kind(*keys: SshKey, script: str = SCRIPT) -> tuple[CreateVm, str]:
    """The operation and its secret."""
    names = {key.fingerprint: key.name for key in keys}
    secret = FirstBoot(PASSWORD, tuple(key.line for key in keys), script).packed()
    kind = CreateVm("keyed", 111, 2, 1, "admin", ssh_keys=names, user_data_bytes=len(script.encode()))
    return kind, secret


def _at_the_provider(provider: Provider, vm_id: int | None) -> tuple[list[str], bool]:
    """The keys of a VM, and whether its script is still stored there."""
    keys, sealed = json.loads(provider.shell(KEPT.format(vm_id)))
    return keys, any(sealed)


def _stored() -> str:
    """Every row of the panel."""
    models = apps.get_app_config("hosting").get_models()
    return "".join(serializers.serialize("json", model._base_manager.all()) for model in models)


def test_provider_gets_keys_and_script_and_the_panel_keeps_names_and_size(
    account: Account, owner: Membership, engine: Engine, provider: Provider, key: SshKey
) -> None:
    shared = factories.ssh_key(owner.team, "deploy")
    kind, secret = _kind(key, shared)
    operation = submit(kind, account=account, by=owner, secret=secret)
    assert PLANTED not in _stored()
    assert PLANTED in unseal(operation.sealed_secret)
    assert engine.finish(operation).state == State.DONE
    assert _at_the_provider(provider, operation.vm_id) == ([key.line, shared.line], False)
    assert operation.sealed_secret == ""
    assert operation.params["ssh_keys"] == {key.fingerprint: "laptop", shared.fingerprint: "deploy"}
    assert operation.params["user_data_bytes"] == len(SCRIPT.encode())
    assert PLANTED not in _stored()
    assert None not in SshKey.objects.values_list("last_used_at", flat=True)


def test_server_without_either_is_requested_as_before(
    account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    kind, secret = _kind(script="")
    assert secret == PASSWORD
    operation = submit(kind, account=account, by=owner, secret=secret)
    assert operation.params.keys() == {"hostname", "os_id", "shares", "cpu", "login"}
    assert engine.finish(operation).state == State.DONE
    assert _at_the_provider(provider, operation.vm_id) == ([], False)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"user_data_bytes": 3}, "user_data"),
        ({"user_data_bytes": 0}, "user_data"),
        ({"ssh_keys": {}}, "ssh_keys"),
        ({"ssh_keys": {"SHA256:another": "x"}}, "ssh_keys"),
    ],
)
def test_what_is_said_of_the_secret_must_be_true(
    account: Account, owner: Membership, key: SshKey, changed: dict[str, Any], field: str
) -> None:
    kind, secret = _kind(key)
    with pytest.raises(Invalid) as refused:
        submit(replace(kind, **changed), account=account, by=owner, secret=secret)
    assert refused.value.field == field
    assert not Operation.objects.filter(origin="panel").exists()


def test_removed_key_and_provider_without_extension_are_refused(
    account: Account, owner: Membership, key: SshKey
) -> None:
    kind, secret = _kind(key)
    Endpoint.objects.update(extensions=[extensions.USER_DATA])
    with pytest.raises(WrongState, match="doesn't take SSH keys"):
        submit(kind, account=account, by=owner, secret=secret)
    Endpoint.objects.update(extensions=[extensions.SSH_KEYS])
    with pytest.raises(WrongState, match="doesn't take first-boot scripts"):
        submit(kind, account=account, by=owner, secret=secret)
    Endpoint.objects.update(extensions=[extensions.SSH_KEYS, extensions.USER_DATA])
    key.delete()
    with pytest.raises(WrongState, match="laptop") as removed:
        submit(kind, account=account, by=owner, secret=secret)
    assert removed.value.field == "ssh_keys"


def test_failed_creation_is_retried_with_what_is_entered_again(
    account: Account, owner: Membership, engine: Engine, provider: Provider, key: SshKey
) -> None:
    kind, secret = _kind(key)
    with provider.faults("vm_create:fail@1"):
        first = engine.finish(submit(kind, account=account, by=owner, secret=secret))
    assert (first.state, first.sealed_secret) == (State.FAILED, "")
    with pytest.raises(Invalid) as lost:
        retry(first, by=owner, secret=FirstBoot(PASSWORD, (key.line,)).packed())
    assert lost.value.field == "user_data"
    before = load(first.kind, first.params)
    assert before == kind
    without, only_keys = _kind(key, script="")
    again = engine.finish(retry(first, by=owner, kind=without, secret=only_keys))
    assert (again.state, "user_data_bytes" in again.params) == (State.DONE, False)
    assert _at_the_provider(provider, again.vm_id) == ([key.line], False)


def test_unanswered_creation_is_repeated_with_the_same_keys_though_one_was_removed(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member, key: SshKey
) -> None:
    Endpoint.objects.update(extensions=["sharedeck.once", extensions.SSH_KEYS, extensions.USER_DATA])
    kind, secret = _kind(key)
    with provider.faults("vm_create:drop_after@1"):
        operation = submit(kind, account=account, by=owner, secret=secret)
        engine.drain()
    line = key.line
    key.delete()
    assert engine.finish(operation).state == State.DONE
    assert len(remote.vm_list()) == 1
    assert _at_the_provider(provider, operation.vm_id) == ([line], False)
    assert operation.sealed_secret == ""


@pytest.fixture
def plan(account: Account, owner: Membership, key: SshKey) -> Plan:
    """A plan that buys shares and then creates the server."""
    kind, secret = _kind(key)
    spec = replace(SPEC, ssh_keys=kind.ssh_keys, user_data_bytes=kind.user_data_bytes)
    return plans.draft(spec, account=account, by=owner, nonce=uuid.uuid4(), secret=secret)


def _run(engine: Engine, plan: Plan) -> None:
    def is_over() -> bool:
        plan.refresh_from_db()
        return plan.state != Plan.State.RUNNING

    engine.until(is_over)


def test_plan_keeps_both_sealed_until_its_purchase_is_approved(
    plan: Plan, account: Account, owner: Membership, engine: Engine, provider: Provider, key: SshKey
) -> None:
    SpendingLimit.objects.create(team=owner.team, role=Role.OWNER, shares=0, money=0)
    approver = factories.member(of=owner.team)
    plans.start(plan, by=owner)
    engine.drain()
    held = plan.operations.get(state=State.HELD)
    plan.refresh_from_db()
    assert PLANTED in unseal(plan.sealed_secret)
    assert PLANTED not in _stored()
    assert approvals.approve(held, by=approver)
    _run(engine, plan)
    assert (plan.state, plan.sealed_secret) == (Plan.State.DONE, "")
    assert _at_the_provider(provider, plan.operations.get(step="vm").vm_id) == ([key.line], False)
    assert PLANTED not in _stored()


def test_plan_stops_when_a_key_was_removed_meanwhile_and_goes_on_without_it(
    plan: Plan, owner: Membership, engine: Engine, provider: Provider, key: SshKey
) -> None:
    key.delete()
    plans.start(plan, by=owner)
    _run(engine, plan)
    assert (plan.state, plan.problem["reason"]) == (Plan.State.STOPPED, "first_boot")
    assert not steps.needs_password(plan)
    spec = replace(SPEC, user_data_bytes=len(SCRIPT.encode()))
    plans.revise(plan, spec, by=owner)
    assert FirstBoot.unpacked(unseal(plan.sealed_secret)) == FirstBoot(PASSWORD, (), SCRIPT)
    plans.resume(plan, by=owner)
    _run(engine, plan)
    assert plan.state == Plan.State.DONE


def test_revised_plan_keeps_replaces_or_drops_its_script(plan: Plan, owner: Membership, key: SshKey) -> None:
    def secret() -> FirstBoot:
        return FirstBoot.unpacked(unseal(plan.sealed_secret))

    spec = replace(SPEC, ssh_keys={key.fingerprint: key.name}, user_data_bytes=len(SCRIPT.encode()))
    keys = (key.line,)
    plans.revise(plan, replace(spec, hostname="other"), by=owner, secret=FirstBoot("", keys).packed())
    assert secret() == FirstBoot(PASSWORD, keys, SCRIPT)
    other = "#cloud-config\n"
    with pytest.raises(Invalid) as refused:
        plans.revise(plan, spec, by=owner, secret=FirstBoot("", keys, other).packed())
    assert refused.value.field == "user_data"
    changed = replace(spec, user_data_bytes=len(other))
    plans.revise(plan, changed, by=owner, secret=FirstBoot("an0ther-password", keys, other).packed())
    assert secret() == FirstBoot("an0ther-password", keys, other)
    plans.revise(plan, replace(spec, user_data_bytes=0), by=owner, secret=FirstBoot("", keys).packed())
    assert secret() == FirstBoot("an0ther-password", keys)


@pytest.mark.parametrize("text", ["", "plain", 'p\n{"ssh_keys": 3}', "p\n[]", "p\n{", "p\nq"])
def test_every_text_is_a_secret_for_its_rules_to_judge(text: str) -> None:
    unpacked = FirstBoot.unpacked(text)
    assert unpacked in (FirstBoot(text), FirstBoot("p"))


def test_no_repr_shows_password_or_script() -> None:
    assert PLANTED not in repr(FirstBoot(PLANTED, (), PLANTED))
