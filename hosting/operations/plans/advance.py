"""Carry out plans: submit the steps one after another, each as an ordinary operation.

The progress of a plan is read from its operations, so a crash between two steps loses nothing: `advance` continues
with what is missing. The nonce of each step's operation is derived from the plan, so no step is submitted twice.
"""

from typing import Any

from django.db import transaction

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.operations.lifecycle.requester import RequesterRefusedError, present_requester, record_stop
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import (
    AboveSpendingLimit,
    AccountTrouble,
    Busy,
    EndpointAway,
    NotEnough,
    QuietHours,
    Rejected,
    WrongState,
)
from hosting.operations.models.states import OPEN, State
from hosting.operations.plans.base import PlanSpec, StopReason
from hosting.operations.plans.catalogue import spec_of
from hosting.operations.plans.steps import latest, nonce_of
from hosting.teams.roles import NotAllowedError, Permission


def advance(plan_id: int) -> None:
    """Do what a running plan needs next: submit the next step, stop at one that failed, or mark the plan done.

    Safe to call at any time and any number of times.
    """
    with transaction.atomic():
        plan = (
            Plan.objects.select_for_update(of=("self",), no_key=True)
            .select_related("account__endpoint")
            .get(pk=plan_id)
        )
        if plan.state != Plan.State.RUNNING:
            return
        spec, of_step = spec_of(plan), latest(plan)
        for name in spec.steps:
            operation = of_step.get(name)
            if operation is not None and operation.state == State.DONE:
                continue
            if operation is not None:
                if operation.state not in OPEN:
                    _stop(plan, name)
                return
            if spec.skips(name) or spec.is_settled(name, plan.account, of_step):
                continue
            if reason := spec.obstacle(name, plan.account):
                _stop(plan, name, reason)
                return
            if name not in spec.checks:
                _submit_step(plan, spec, name, of_step)
                return
        Plan.objects.move(plan.pk, Plan.State.RUNNING, Plan.State.DONE, sealed_secret="")
        versions.bump(plan.account_id)


def kept_secret(plan: Plan) -> str:
    """The secret of its `secret_step`; empty when it was handed on already or can't be unsealed."""
    try:
        return unseal(plan.sealed_secret)
    except UnreadableSecretError:
        return ""


def _submit_step(plan: Plan, spec: PlanSpec, name: str, of_step: dict[str, Operation]) -> None:
    try:
        member = present_requester(plan)
    except RequesterRefusedError as refused:
        _stop(plan, name, StopReason(refused.reason))
        return
    takes_secret = name == spec.secret_step
    secret = kept_secret(plan) if takes_secret else ""
    if takes_secret and not secret:
        # Erase an unreadable secret, so that the page asks for it again.
        Plan.objects.filter(pk=plan.pk).update(sealed_secret="")
        _stop(plan, name, StopReason.NO_PASSWORD)
        return
    try:
        submit(
            spec.request(name, of_step),
            account=plan.account,
            by=member,
            nonce=nonce_of(plan, name),
            secret=secret,
            plan=plan,
            step=name,
            retry_of=plan.operations.filter(step=name).exclude(state=State.DONE).order_by("id").last(),
        )
    except (Rejected, NotAllowedError) as refusal:
        _stop(plan, name, **_reason_of(refusal, plan.account))
        return
    if secret:
        # The operation holds the password from here, and erases it when it is sent.
        Plan.objects.filter(pk=plan.pk).update(sealed_secret="")


def _stop(plan: Plan, step: str, reason: StopReason | None = None, **data: object) -> None:
    """Stop the plan at a step. Without a reason, the step's operation says why."""
    problem = {"step": step, "reason": reason, **data} if reason else {"step": step}
    Plan.objects.move(plan.pk, Plan.State.RUNNING, Plan.State.STOPPED, problem=problem)
    versions.bump(plan.account_id)
    if reason:
        states = {"before": Plan.State.RUNNING, "after": Plan.State.STOPPED}
        record_stop(plan, action="plan.stopped", subject=plan.spec["hostname"], reason=reason, step=step, **states)


def _reason_of(refusal: Rejected | NotAllowedError, account: Account) -> dict[str, Any]:
    """A rejection as data: it is put into words in the language of the reader."""
    match refusal:
        case NotAllowedError():
            return {"reason": StopReason.NOT_ALLOWED, "permission": refusal.permission.value}
        case QuietHours():
            return {"reason": StopReason.QUIET}
        case AboveSpendingLimit():
            # A token may not spend above the limit: it can't ask for approval.
            return {"reason": StopReason.NOT_ALLOWED, "permission": Permission.SPEND.value}
        case EndpointAway():
            return {"reason": StopReason.AWAY}
        case AccountTrouble():
            trouble = Account.objects.values_list("trouble", flat=True).get(pk=account.pk)
            return {"reason": StopReason.TROUBLE, "trouble": trouble}
        case Busy():
            return {"reason": StopReason.BUSY, "operation": refusal.operation_id}
        case NotEnough():
            return {"reason": StopReason.NOT_ENOUGH}
        case WrongState(field="ssh_keys" | "user_data"):
            return {"reason": StopReason.FIRST_BOOT}
    return {"reason": StopReason.REFUSED}
