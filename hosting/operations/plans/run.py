"""Several requests as one plan: its steps, each an ordinary operation, are asked for one after another.

Where a plan stands is read from its operations, so a crash between two steps loses nothing: `advance` looks again and
does what is missing. Every step's operation has a nonce made from the plan, so no step is asked for twice.
"""

import uuid
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import UnreadableSecretError, seal, unseal
from hosting.operations.checks import spending_limits
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation, Plan
from hosting.operations.models.rejection import (
    AboveCeiling,
    AccountTrouble,
    Busy,
    EndpointAway,
    NotEnough,
    QuietHours,
    Rejected,
    WrongState,
)
from hosting.operations.models.requesters import in_the_name_of
from hosting.operations.models.states import OPEN, State
from hosting.operations.plans.base import PlanSpec, StopReason
from hosting.operations.plans.catalogue import spec_of
from hosting.operations.plans.steps import is_done, latest, must_buy, needs_password, nonce_of, steps
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Permission
from hosting.teams.tokens.use import acting_again


def draft(spec: PlanSpec, *, account: Account, by: Membership, nonce: uuid.UUID, password: str = "") -> Plan:
    """Check what is asked for and save it as a plan that has not been started. The same nonce is the same plan.

    Raises:
        NotAllowedError: the member may not run servers, or not spend when the plan does.
        Rejected: with the field of `spec` (or `password`) that is wrong.
    """
    _require(by, account, spends=spec.spends)
    spec.validate(account, password)
    with transaction.atomic():
        plan, created = Plan.objects.get_or_create(
            account=account,
            nonce=nonce,
            defaults={
                "kind": spec.kind,
                "spec": asdict(spec),
                "sealed_secret": seal(password),
                **in_the_name_of(by),
            },
        )
        if created:
            versions.bump(account.pk)
            record(
                by.team,
                by=by,
                action="plan.drafted",
                subject=spec.hostname,
                account=plan.account_id,
                after=plan.spec,
                plan=plan.pk,
            )
    return plan


def revise(plan: Plan, spec: PlanSpec, *, by: Membership, password: str = "") -> None:
    """Change a plan that is not running. Steps that are done stay as they were done; an empty password stays too.

    Raises:
        NotAllowedError, Rejected: as `draft`.
    """
    _require(by, plan.account, spends=spec.spends and not is_done(plan, spec.spending_step))
    with transaction.atomic():
        # As it is now, and for as long as it takes: somebody else may resume it at this moment.
        current = (
            Plan.objects.select_for_update(of=("self",), no_key=True)
            .select_related("account__endpoint")
            .get(pk=plan.pk)
        )
        if current.state not in (Plan.State.DRAFT, Plan.State.STOPPED):
            raise WrongState(_("This plan is running or over: it can't be changed."))
        _revise(current, spec, by=by, password=password)
    plan.refresh_from_db(fields=["spec", "sealed_secret", "state"])


def _revise(plan: Plan, spec: PlanSpec, *, by: Membership, password: str) -> None:
    done = [step.name for step in steps(plan) if step.state == "done"]
    spec = spec.keeping(spec_of(plan), done)
    spec.validate(plan.account, password or _kept_password(plan), done)
    before, plan.spec = plan.spec, asdict(spec)
    if password:
        plan.sealed_secret = seal(password)
    # Its `updated_at` stays: that says when it stopped.
    plan.save(update_fields=["spec", "sealed_secret"])
    versions.bump(plan.account_id)
    record(
        by.team,
        by=by,
        action="plan.revised",
        subject=spec.hostname,
        account=plan.account_id,
        before={name: value for name, value in before.items() if value != plan.spec.get(name)},
        after={name: value for name, value in plan.spec.items() if value != before.get(name)},
        plan=plan.pk,
        password=bool(password),
    )


def start(plan: Plan, *, by: Membership) -> None:
    """Begin a drafted plan. Starting it twice is starting it once.

    Raises:
        NotAllowedError: the member may not do what its steps do.
    """
    _run(plan, Plan.State.DRAFT, by=by, action="plan.started")


def resume(plan: Plan, *, by: Membership) -> None:
    """Go on with a stopped plan: the step that did not work is asked for again, as a new operation.

    Raises:
        NotAllowedError: as `start`.
        WrongState: the root password must be given again first (`needs_password`).
    """
    if needs_password(plan):
        raise WrongState(_("The root password was not kept. Give it again."), field="password")
    _run(plan, Plan.State.STOPPED, by=by, action="plan.resumed")


def abandon(plan: Plan, *, by: Membership) -> None:
    """Give up a plan that is not running. What its steps have made stays, and nothing more is spent.

    Raises:
        NotAllowedError: the member may not run servers.
    """
    _require(by, plan.account, spends=False)
    with transaction.atomic():
        for state in (Plan.State.DRAFT, Plan.State.STOPPED):
            if Plan.objects.move(plan.pk, state, Plan.State.ABANDONED, sealed_secret=""):
                versions.bump(plan.account_id)
                record(
                    by.team,
                    by=by,
                    action="plan.abandoned",
                    subject=plan.spec["hostname"],
                    account=plan.account_id,
                    before={"state": state},
                    after={"state": Plan.State.ABANDONED},
                    plan=plan.pk,
                )
                return


def advance(plan_id: int) -> None:
    """Do what a running plan needs next: submit the next step, stop at one that failed, or call it done.

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


def _run(plan: Plan, before: Plan.State, *, by: Membership, action: str) -> None:
    _require(by, plan.account, spends=must_buy(plan))
    with transaction.atomic():
        started = Plan.objects.move(
            plan.pk, before, Plan.State.RUNNING, problem={}, resumed_at=timezone.now(), **in_the_name_of(by)
        )
        if started:
            # Here for the rest of the transaction: the first step locks the account too, after the line is written.
            versions.bump(plan.account_id)
            if must_buy(plan):
                spending_limits.hold(by.team_id, by.role)
            record(
                by.team,
                by=by,
                action=action,
                subject=plan.spec["hostname"],
                account=plan.account_id,
                before={"state": before},
                after={"state": Plan.State.RUNNING},
                plan=plan.pk,
            )
            advance(plan.pk)


def _kept_password(plan: Plan) -> str:
    """The root password, or an empty one when it was sent already or can't be read any more."""
    try:
        return unseal(plan.sealed_secret)
    except UnreadableSecretError:
        return ""


def _submit_step(plan: Plan, spec: PlanSpec, name: str, of_step: dict[str, Operation]) -> None:
    member = acting_again(team_id=plan.account.team_id, person_id=plan.requested_by_id, token_id=plan.asked_through_id)
    if member is None:
        _stop(plan, name, StopReason.MEMBER_LEFT)
        return
    takes_secret = name == spec.secret_step
    secret = _kept_password(plan) if takes_secret else ""
    if takes_secret and not secret:
        # Forgotten, when it can't be read, so that it is asked for again.
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
        # From here on the operation carries it, and forgets it once it was sent.
        Plan.objects.filter(pk=plan.pk).update(sealed_secret="")


def _stop(plan: Plan, step: str, reason: StopReason | None = None, **data: object) -> None:
    """Stop at a step. Without a reason, the step's operation tells."""
    problem = {"step": step, "reason": reason, **data} if reason else {"step": step}
    Plan.objects.move(plan.pk, Plan.State.RUNNING, Plan.State.STOPPED, problem=problem)
    versions.bump(plan.account_id)


def _reason_of(refusal: Rejected | NotAllowedError, account: Account) -> dict[str, Any]:
    """A refusal as data: whoever reads it may have another language than this worker."""
    match refusal:
        case NotAllowedError():
            return {"reason": StopReason.NOT_ALLOWED, "permission": refusal.permission.value}
        case QuietHours():
            return {"reason": StopReason.QUIET}
        case AboveCeiling():
            # A token may spend up to the ceiling and no further.
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
    return {"reason": StopReason.REFUSED}


def _require(by: Membership, account: Account, *, spends: bool) -> None:
    by.require(Permission.OPERATE, account)
    if spends:
        by.require(Permission.SPEND, account)
