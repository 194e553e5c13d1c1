"""A person's word on an operation of which nobody else can tell what became of it."""

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.operations import conclude, kinds
from hosting.operations.models import Operation
from hosting.operations.problems import Reason
from hosting.operations.rejection import WrongState
from hosting.operations.states import State
from hosting.teams.models import Membership, record


def choices(operation: Operation) -> list[int]:
    """The provider's operations that it can be."""
    found = [int(candidate) for candidate in operation.problem.get("candidates", [])]
    return found or ([operation.remote_id] if operation.remote_id else [])


def decide(operation: Operation, *, by: Membership, remote_id: int | None) -> bool:
    """Say which of `choices` an operation that `needs_person` is; with None, that it never arrived.

    False when somebody else was first, or when that one belongs to another request by now.

    Raises:
        NotAllowedError: the member's role would not allow to ask for it either.
        WrongState: nobody has to decide this, or `remote_id` is none of the choices.
    """
    by.require(kinds.load(operation.kind, operation.params).permission)
    if not operation.needs_person or operation.state != State.UNCERTAIN:
        raise WrongState(_("There is nothing to decide about this operation any more."))
    if remote_id is not None and remote_id not in choices(operation):
        raise WrongState(_("This is none of the provider's operations that it can be."))
    with transaction.atomic():
        if remote_id is None:
            decided = conclude.move(
                operation,
                State.UNCERTAIN,
                State.RELEASED,
                needs_person=False,
                remote_id=None,
                problem={"reason": Reason.NEVER_ARRIVED},
            )
        else:
            decided = conclude.adopt(operation, State.UNCERTAIN, remote_id, answered_at=timezone.now(), problem={})
        if decided:
            record(
                by.team,
                by=by,
                action="operation.decided",
                subject=operation.subject,
                operation=operation.pk,
                remote_id=remote_id,
            )
    return decided
