"""Decisions by a person: what became of an operation that reading cannot settle, and dismissing failures."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.jobs import Job, enqueue
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude, lookalikes
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.rejection import Invalid, WrongState
from hosting.operations.models.states import FINAL, State
from hosting.teams.audit.log import record
from hosting.teams.models import Membership


def decide(operation: Operation, remote_id: int | None, *, by: Membership) -> None:
    """Match an unconfirmed operation with one of the provider's, or with None record that it did not happen.

    Raises:
        NotAllowedError: the member may not request this kind of operation.
        WrongState: there is nothing to decide any more.
        Invalid: `remote_id` is not one of the candidates, or is matched with another operation by now.
    """
    by.require(catalogue.load(operation.kind, operation.params).permission, operation.account)
    if operation.state != State.UNCERTAIN or not operation.needs_person:
        raise WrongState(_("This operation has already been resolved."))
    known = {candidate["id"]: candidate for candidate in operation.problem.get("candidates", [])}
    if remote_id is not None and remote_id not in known:
        raise Invalid(_("This isn't one of the matching operations. Choose one from the list."), field="remote_id")
    with transaction.atomic():
        if remote_id is None:
            problem = {"reason": Reason.RULED_OUT, "ruled_out": sorted(known)}
            decided = conclude.move(
                operation,
                State.UNCERTAIN,
                State.RELEASED,
                problem=problem,
                needs_person=False,
                remote_id=None,
                dismissed_at=timezone.now(),
            )
        else:
            made = known[remote_id]["objects"]
            decided = conclude.adopt(
                operation, State.UNCERTAIN, remote_id, answered_at=timezone.now(), problem={}, **made
            )
        if decided:
            lookalikes.list_again(operation)
            after = State.RELEASED if remote_id is None else State.TRACKED
            _record_decided(operation, after, by=by, remote_id=remote_id)
    if not decided:
        raise Invalid(_("This provider operation has been matched to another one. Choose again."), field="remote_id")


def confirm_done(operation: Operation, *, by: Membership) -> None:
    """Record that an unconfirmed operation was carried out, when the provider's list has no candidate for it.

    Raises:
        NotAllowedError: the member may not request this kind of operation.
        WrongState: there is nothing to decide, or there are candidates to choose from.
    """
    by.require(catalogue.load(operation.kind, operation.params).permission, operation.account)
    with transaction.atomic():
        is_open = operation.needs_person and not operation.problem.get("candidates")
        if not is_open or not conclude.move(operation, State.UNCERTAIN, State.DONE, problem={}, needs_person=False):
            raise WrongState(_("This operation has already been resolved."))
        _record_decided(operation, State.DONE, by=by, happened=True)
        enqueue(Job.REFRESH, operation.account_id, 1)


def dismiss(operation: Operation, *, by: Membership) -> bool:
    """Dismiss an operation that failed or turned up late, so that it no longer needs attention. False when it did not
    need any.

    Raises:
        NotAllowedError: the member may not request this kind of operation.
    """
    if operation.origin != Operation.Origin.PANEL:
        return False
    by.require(catalogue.load(operation.kind, operation.params).permission, operation.account)
    with transaction.atomic():
        needs_look = Q(state__in=FINAL - {State.DONE}) | Q(late_at__isnull=False)
        noted = Operation.objects.filter(needs_look, pk=operation.pk, dismissed_at=None).update(
            dismissed_at=timezone.now()
        )
        if noted:
            versions.bump(operation.account_id)
            record(
                by.team,
                by=by,
                action="operation.set_aside",
                subject=operation.subject,
                account=operation.account_id,
                thing=operation.target,
                operation=operation.pk,
            )
    return bool(noted)


def _record_decided(operation: Operation, after: State, *, by: Membership, **detail: Any) -> None:
    record(
        by.team,
        by=by,
        action="operation.decided",
        subject=operation.subject,
        account=operation.account_id,
        thing=operation.target,
        operation=operation.pk,
        before={"state": State.UNCERTAIN},
        after={"state": after},
        **detail,
    )
