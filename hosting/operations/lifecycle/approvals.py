"""Approve or refuse operations that exceed a spending limit (`operations.checks.spending_limits`).

The approver needs the permission and must not be the requester. Their own spending limit does not matter: an approval
is a second judgement, not a larger budget. An approved operation counts for the role of the requester. Nothing is
sent before the approval, and an operation that nobody decides on in time is not carried out.

Decision: docs/decisions/0015-held-operations-hold-their-object.md
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.jobs import Job, enqueue
from hosting.operations.checks import preconditions
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle import conclude
from hosting.operations.lifecycle.submit import JOB_LOST_AFTER, require_working
from hosting.operations.models.operation import MAX_COMMENT, Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.rejection import WrongState
from hosting.operations.models.states import FINAL, State
from hosting.teams import names
from hosting.teams.audit.log import record
from hosting.teams.models import Membership, User
from hosting.teams.rejection import Refusal, invalid
from hosting.teams.roles import PERMISSIONS, Permission
from hosting.teams.tokens.use import requester_denial

_APPROVING = [role for role, held in PERMISSIONS.items() if Permission.APPROVE in held]
# Operations that one sweep ends; the rest wait for the next one.
_BATCH = 200


def approvers(account: Account, *, besides: int | None) -> list[User]:
    """The people who may approve an operation in an account, by name, without its requester (`besides`)."""
    members = Membership.objects.current().filter(
        Q(narrowed=False) | Q(accounts=account), team=account.team_id, role__in=_APPROVING
    )
    people = User.objects.filter(memberships__in=members, is_active=True)
    if besides is not None:
        people = people.exclude(pk=besides)
    return list(people.distinct().order_by("name", "email"))


def may_decide(operation: Operation, by: Membership) -> bool:
    """Whether the member may approve or refuse this held operation."""
    return (
        operation.state == State.HELD
        and by.person is not None
        and by.via.token_id is None
        and operation.requested_by_id != by.person.pk
        and by.may(Permission.APPROVE, operation.account)
    )


def approve(operation: Operation, *, by: Membership, comment: str = "") -> bool:
    """Approve a held operation, so that it is sent. False when it was decided already.

    The requester, the account's credentials and the object are checked again as they are now.

    Raises:
        NotAllowedError: the member may not approve operations of this account.
        WrongState: it is the member's own, its requester may not request it any more, or the product has changed.
        Invalid: the comment is too long, or has invisible characters.
        Rejected: as `submit`, when the credentials, the provider or the object's state do not allow it.
    """
    comment = _require_second_person(operation, by, comment)
    with transaction.atomic():
        # Lock the operation before its account, as every move does (`conclude`). `submit` takes the account's lock too.
        held = (
            Operation.objects.select_for_update(of=("self",), no_key=True)
            .filter(pk=operation.pk, state=State.HELD)
            .first()
        )
        if held is None:
            return False
        accounts = Account.objects.select_for_update(of=("self",), no_key=True).select_related("endpoint", "team")
        account = held.account = accounts.get(pk=held.account_id)
        kind = catalogue.load(held.kind, held.params)
        _require_requester(held, account, kind)
        require_working(account)
        if preconditions.check(kind, account).quantity != held.quantity:
            raise WrongState(
                _("The quantity has changed since this was requested. Refuse it and submit a new operation.")
            )
        now = timezone.now()
        moved = conclude.move(
            held,
            State.HELD,
            State.WAITING,
            decided_by=by.person,
            decided_at=now,
            decision_comment=comment,
            problem={},
            due_at=now + JOB_LOST_AFTER,
        )
        if moved:
            _record(held, by, "operation.approved", after=State.WAITING, comment=comment)
            enqueue(Job.SEND, held.pk)
    return moved


def refuse(operation: Operation, *, by: Membership, comment: str = "") -> bool:
    """Refuse a held operation, so that it is not carried out. False when it was decided already.

    Raises:
        NotAllowedError: the member may not approve operations of this account.
        WrongState: it is the member's own, which they can withdraw (`lifecycle.cancel`).
        Invalid: the comment is too long, or has invisible characters.
    """
    comment = _require_second_person(operation, by, comment)
    with transaction.atomic():
        moved = conclude.move(
            operation,
            State.HELD,
            State.DECLINED,
            decided_by=by.person,
            decided_at=timezone.now(),
            decision_comment=comment,
            problem={"reason": Reason.DECLINED},
            sealed_secret="",
        )
        if moved:
            _record(operation, by, "operation.refused", after=State.DECLINED, comment=comment)
    return moved


def sweep(now: datetime) -> None:
    """End held operations that nobody decided on in time."""
    late = Operation.objects.filter(state=State.HELD, due_at__lte=now).select_related("account__team")
    for operation in late.order_by("due_at")[:_BATCH]:
        with transaction.atomic():
            problem = {"reason": Reason.NOT_DECIDED}
            if conclude.move(operation, State.HELD, State.DECLINED, decided_at=now, problem=problem, sealed_secret=""):
                _record(operation, None, "operation.not_decided", after=State.DECLINED)


def _require_second_person(operation: Operation, by: Membership, comment: str) -> str:
    """The comment, tidied, of somebody who may decide on this operation."""
    by.require(Permission.APPROVE, operation.account)
    if by.person is None or by.via.token_id is not None:
        raise WrongState(_("Tokens can't approve or refuse operations. A member must do it."))
    if operation.requested_by_id == by.person.pk:
        raise WrongState(_("You can't decide on your own operation. Ask another member."), refusal=Refusal.OWN_REQUEST)
    with invalid("comment"):
        return names.checked_text(comment, most=MAX_COMMENT)


def _require_requester(operation: Operation, account: Account, kind: Kind) -> None:
    """Require that the requester is still in the team and may still request this operation."""
    members = Membership.objects.current().select_related("user", "team")
    requester = members.filter(team=account.team_id, user=operation.requested_by_id, user__is_active=True).first()
    if requester is None:
        raise WrongState(_("The member who requested this has left the team. You can only refuse it."))
    if requester_denial(requester, None, timezone.now()):
        raise WrongState(
            _(
                "%(person)s hasn't set up two-factor authentication, which the team requires. You can only refuse this"
                " operation."
            ),
            names={"person": requester.user},
        )
    if not requester.may(kind.permission, account):
        raise WrongState(
            _("%(person)s no longer has permission to spend money here. You can only refuse this operation."),
            names={"person": requester.user},
        )


def _record(operation: Operation, by: Membership | None, action: str, *, after: State, comment: str = "") -> None:
    record(
        operation.account.team,
        by=by,
        action=action,
        subject=operation.subject,
        account=operation.account_id,
        thing=operation.target,
        operation=operation.pk,
        before={"state": State.HELD},
        after={"state": after},
        outcome=after if after in FINAL else "",
        **({"comment": comment} if comment else {}),
    )
