"""What members do with a plan: draft, revise, start, resume or discard it. `advance` carries it out."""

import uuid
from dataclasses import asdict

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import seal
from hosting.operations.checks import spending_limits
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import (
    WrongState,
)
from hosting.operations.models.requesters import continuing_for
from hosting.operations.plans.advance import advance, kept_secret
from hosting.operations.plans.base import PlanSpec
from hosting.operations.plans.catalogue import spec_of
from hosting.operations.plans.steps import is_done, must_buy, needs_password, steps
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.roles import Permission


def draft(spec: PlanSpec, *, account: Account, by: Membership, nonce: uuid.UUID, secret: str = "") -> Plan:
    """Check a spec and save it as a plan that has not started. The same nonce returns the same plan.

    `secret` is that of the operation of its `secret_step`, and is kept sealed.

    Raises:
        NotAllowedError: the member may not run servers, or the plan spends and the member may not.
        Rejected: names the wrong field of the spec or of the secret.
    """
    _require(by, account, spends=spec.spends)
    spec.validate(account, secret)
    with transaction.atomic():
        plan, created = Plan.objects.get_or_create(
            account=account,
            nonce=nonce,
            defaults={
                "kind": spec.kind,
                "spec": asdict(spec),
                "sealed_secret": seal(secret),
                **continuing_for(by),
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


def revise(plan: Plan, spec: PlanSpec, *, by: Membership, secret: str = "") -> None:
    """Change a plan that is not running. Steps that are done keep their inputs. What `secret` lacks is kept.

    Raises:
        NotAllowedError, Rejected: as `draft`.
    """
    _require(by, plan.account, spends=spec.spends and not is_done(plan, spec.spending_step))
    with transaction.atomic():
        # Read and lock the plan: somebody else may be resuming it at this moment.
        current = (
            Plan.objects.select_for_update(of=("self",), no_key=True)
            .select_related("account__endpoint")
            .get(pk=plan.pk)
        )
        if current.state not in (Plan.State.DRAFT, Plan.State.STOPPED):
            raise WrongState(_("This plan is running or finished and can't be changed."))
        _revise(current, spec, by=by, given=secret)
    plan.refresh_from_db(fields=["spec", "sealed_secret", "state"])


def _revise(plan: Plan, spec: PlanSpec, *, by: Membership, given: str) -> None:
    done = [step.name for step in steps(plan) if step.state == "done"]
    spec = spec.keeping(spec_of(plan), done)
    secret = spec.kept_secret(given, kept_secret(plan))
    spec.validate(plan.account, secret, done)
    before, plan.spec = plan.spec, asdict(spec)
    if spec.secret_step not in done:
        plan.sealed_secret = seal(secret)
    # Keep `updated_at`: it says when the plan stopped.
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
        password=bool(given.partition("\n")[0]),
    )


def start(plan: Plan, *, by: Membership) -> None:
    """Start a drafted plan. Starting it again does nothing.

    Raises:
        NotAllowedError: the member may not do what its steps do.
    """
    _run(plan, Plan.State.DRAFT, by=by, action="plan.started")


def resume(plan: Plan, *, by: Membership) -> None:
    """Resume a stopped plan: the step that failed is submitted again, as a new operation.

    Raises:
        NotAllowedError: as `start`.
        WrongState: the root password must be entered again first (`needs_password`).
    """
    if needs_password(plan):
        raise WrongState(_("The root password is no longer stored. Enter it again."), field="password")
    _run(plan, Plan.State.STOPPED, by=by, action="plan.resumed")


def abandon(plan: Plan, *, by: Membership) -> None:
    """Discard a plan that is not running. What its steps have created stays, and nothing more is spent.

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


def _run(plan: Plan, before: Plan.State, *, by: Membership, action: str) -> None:
    _require(by, plan.account, spends=must_buy(plan))
    with transaction.atomic():
        started = Plan.objects.move(
            plan.pk, before, Plan.State.RUNNING, problem={}, resumed_at=timezone.now(), **continuing_for(by)
        )
        if started:
            # Lock the account and the spending limit before the audit log: `advance` needs both locks as well.
            versions.bump(plan.account_id)
            if must_buy(plan):
                spending_limits.lock(by.team_id, by.role)
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


def _require(by: Membership, account: Account, *, spends: bool) -> None:
    by.require(Permission.OPERATE, account)
    if spends:
        by.require(Permission.SPEND, account)
