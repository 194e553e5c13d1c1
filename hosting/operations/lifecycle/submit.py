"""Submit operations: check a member's request, save it as an operation, and queue it to be sent. And retry them."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import seal
from hosting.inventory.models import Product, Vm
from hosting.jobs import Job, enqueue
from hosting.operations.checks import offered, preconditions, quiet_hours, spending_limits
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.problems import Reason
from hosting.operations.models.rejection import (
    AboveSpendingLimit,
    AccountTrouble,
    AlreadyRetried,
    Busy,
    EndpointAway,
    WrongState,
)
from hosting.operations.models.requesters import on_behalf_of, requester_name
from hosting.operations.models.states import OPEN, RETRYABLE, State
from hosting.teams.audit.log import record
from hosting.teams.models import Membership

# A job that has not run by then was lost, and the sweep queues it again.
JOB_LOST_AFTER = timedelta(seconds=5)


def submit(
    kind: Kind,
    *,
    account: Account,
    by: Membership,
    nonce: uuid.UUID | None = None,
    secret: str = "",
    plan: Plan | None = None,
    step: str = "",
    bulk: Bulk | None = None,
    retry_of: Operation | None = None,
    may_hold: bool = True,
) -> Operation:
    """Save an operation and its audit entry in one transaction, and queue it to be sent on commit.

    The same `nonce` returns the same operation. The kind's `secret` is stored sealed and erased when it is sent.
    An operation above the monthly spending limit of the member's role is held until a second person approves it
    (`lifecycle.approvals`). With `may_hold` false it is rejected instead, as it always is for an API token.

    Raises:
        NotAllowedError: the member's role does not allow it.
        Rejected: says what to correct, and in which field (`Invalid`, `NotEnough`, `WrongState`, `Busy`,
            `QuietHours`, `EndpointAway`, `AccountTrouble`, `AboveSpendingLimit`).
    """
    by.require(kind.permission, account)
    kind.validate(secret)
    nonce = nonce or uuid.uuid4()
    try:
        with transaction.atomic():
            # One submission per account at a time, so that two members cannot reserve the same share.
            account = (
                Account.objects.select_for_update(of=("self",), no_key=True)
                .select_related("endpoint")
                .get(pk=account.pk)
            )
            if known := account.operations.filter(nonce=nonce).first():
                return known
            if retry_of is not None:
                _require_not_retried(retry_of)
            quiet_hours.enforce(kind, by.team)
            require_working(account)
            _require_free(account, kind)
            offered.require(kind, account)
            standing = preconditions.check(kind, account)
            demand = spending_limits.current_demand(kind, account)
            over = spending_limits.check(demand, account=account, role=by.role)
            if over:
                _require_person(by, may_hold=may_hold)
            now = timezone.now()
            operation = Operation.objects.create(
                account=account,
                plan=plan,
                step=step,
                bulk=bulk,
                retry_of=retry_of,
                requested_as=by.role,
                **on_behalf_of(by),
                nonce=nonce,
                kind=kind.method,
                params=kind.as_params(),
                sealed_secret=seal(secret),
                subject=standing.subject,
                target=kind.target,
                quantity=standing.quantity,
                reserved_shares=standing.shares,
                reserved_disk_mb=standing.disk_mb,
                requested_shares=demand.shares if demand else 0,
                estimate=demand.estimate if demand else None,
                currency=demand.currency if demand else "",
                state=State.HELD if over else State.WAITING,
                problem={"reason": Reason.ABOVE_CEILING, "over": sorted(over)} if over else {},
                due_at=now + (timedelta(hours=settings.APPROVAL_LIMIT_H) if over else JOB_LOST_AFTER),
                vm_id=getattr(kind, "vm_id", None),
                disk_id=getattr(kind, "disk_id", None),
                product_id=getattr(kind, "product_id", None),
            )
            versions.bump(account.pk)
            record(
                by.team,
                by=by,
                action=f"operation.{kind.method}",
                subject=standing.subject,
                account=account.pk,
                thing=kind.target,
                operation=operation.pk,
                before=_as_it_is(kind, account),
                after=kind.as_params(),
                outcome="held" if over else "",
            )
            if not over:
                enqueue(Job.SEND, operation.pk)
    except IntegrityError:
        # Two submissions at once: the database constraints allowed only one of them.
        if known := account.operations.filter(nonce=nonce).first():
            return known
        _require_free(account, kind)
        raise
    return operation


def _as_it_is(kind: Kind, account: Account) -> dict[str, object] | None:
    """The current values of what an operation changes, for the audit log."""
    match kind:
        case catalogue.UpdateVm(vm_id=number):
            vm = Vm.objects.filter(account=account, remote_id=number).first()
            now = {"shares": vm.shares, "cpu": vm.cores, "vm_max_memory_mb": vm.vm_max_memory_mb} if vm else {}
            return {"vm_id": number, **{name: value for name, value in now.items() if getattr(kind, name) is not None}}
        case RenameVm(vm_id=number) | ReinstallVm(vm_id=number):
            vm = Vm.objects.filter(account=account, remote_id=number).first()
            now = {"hostname": vm.hostname, "os_id": vm.os_id} if vm else {}
            return {"vm_id": number, **{name: value for name, value in now.items() if hasattr(kind, name)}}
        case NameAddress(vm_id=number, ip_id=ip_id):
            vm = Vm.objects.filter(account=account, remote_id=number).first()
            return {"vm_id": number, "ip_id": ip_id, "name": ((vm and vm.address(ip_id)) or {}).get("reverse", "")}
        case catalogue.UpdateProduct(product_id=number):
            product = Product.objects.filter(account=account, remote_id=number).first()
            return {"product_id": number, "quantity": product.quantity if product else None}
    return None


def retry(
    operation: Operation,
    *,
    by: Membership,
    nonce: uuid.UUID | None = None,
    kind: Kind | None = None,
    secret: str = "",
    may_hold: bool = True,
) -> Operation:
    """Retry an operation that certainly did not happen, as a new operation linked to the first.

    `kind` is what is requested now, where the secret was chosen anew and the operation says something of it.

    Raises:
        AlreadyRetried: somebody was first.
        WrongState: it happened, may have happened, or is a step of a plan (resume the plan instead).
        NotAllowedError, Rejected: as `submit`.
    """
    if operation.state not in RETRYABLE or operation.plan_id or operation.origin != "panel":
        raise WrongState(_("Only a failed operation can be retried."))
    kind = kind or catalogue.load(operation.kind, operation.params)
    return submit(
        kind, account=operation.account, by=by, nonce=nonce, secret=secret, retry_of=operation, may_hold=may_hold
    )


def _require_not_retried(operation: Operation) -> None:
    """Each operation is retried once; what fails again is retried itself. Otherwise two members who retry the same
    purchase would buy twice, as it has no object that allows only one unfinished operation.
    """
    again = operation.retries.select_related("requested_by", "requested_through").first()
    if again is not None:
        raise AlreadyRetried(
            _("This operation was already retried by %(person)s. Continue with that retry."),
            names={"person": requester_name(again) or _("someone")},
        )


def require_working(account: Account) -> None:
    """Require that the account's credentials work and the provider answers.

    Raises:
        AccountTrouble, EndpointAway: says what to do first.
    """
    if account.trouble == Account.Trouble.UNTESTED:
        raise AccountTrouble(
            _("The account's credentials haven't been tested yet. Nothing was sent. Try again once they are accepted.")
        )
    if account.trouble:
        raise AccountTrouble(
            _("%(trouble)s. Nothing was sent. Fix the account's credentials first.")
            % {"trouble": account.get_trouble_display()}
        )
    if account.endpoint.away_since:
        raise EndpointAway(_("The provider isn't responding. Nothing was sent or queued. Try again later."))


def _require_person(by: Membership, *, may_hold: bool) -> None:
    if by.person is None or by.via.token_id is not None:
        raise AboveSpendingLimit(
            _(
                "This exceeds the monthly spending limit of the token's role. Nothing was sent. A"
                " member must request it."
            )
        )
    if not may_hold:
        raise AboveSpendingLimit(
            _("This exceeds your role's monthly spending limit. Confirm it's you, then try again.")
        )


def _require_free(account: Account, kind: Kind) -> None:
    if not kind.target:
        return
    other = account.operations.filter(target=kind.target, state__in=OPEN, origin=Operation.Origin.PANEL).first()
    if other is not None:
        raise Busy(
            _("“%(title)s”, requested by %(person)s, is still in progress on this object. Wait until it finishes."),
            names={"title": catalogue.title(other.kind), "person": requester_name(other) or _("someone")},
            operation_id=other.pk,
        )
