"""What happens when the call of an operation gets no answer: look it up at the provider, never send it again.

Decision: docs/decisions/0006-equal-operations-are-interchangeable.md
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from hosting.accounts.sessions import ApiSession
from hosting.api import OperationDetails, OperationFilter
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle import conclude, listing
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State

# The offset of the provider's clock is known to a second, and its times have whole seconds.
_CLOCK_MARGIN = timedelta(seconds=2)
_PAUSE_S = 3.0


def settle(operation: Operation, session: ApiSession) -> None:
    """Look for an UNCERTAIN operation in the provider's list.

    If it is found, it is matched and tracked like any other. If it is not found within the grace time, it did not
    arrive. If there are more candidates than operations sent from here, a person decides.

    Raises:
        hosting.api.ApiError: the list could not be read; nothing has changed.
    """
    if operation.sent_at is None:
        return
    kind = catalogue.load(operation.kind, operation.params)
    looked_at = timezone.now()
    found = _unmatched_lookalikes(session, operation, kind, operation.sent_at)
    # Read after the provider's list, so that an identical operation is either here or already has its remote id.
    identical = _identical_unsettled(operation)
    if any(each.state != State.UNCERTAIN for each in identical):
        _retry_later(operation)
        return
    matched = _matched_ids(operation, [each.id for each in found])
    candidates = [each for each in found if each.id not in matched]
    if len(candidates) > 1 + len(identical):
        _ask_a_person(operation, candidates)
    elif candidates:
        # Operations with the same parameters are interchangeable: each takes one of those that are left.
        first = candidates[0]
        if not conclude.adopt(operation, State.UNCERTAIN, first.id, answered_at=looked_at, problem={}, **first.objects):
            _retry_later(operation)
    elif looked_at >= _grace_ends(operation.sent_at):
        conclude.move(
            operation, State.UNCERTAIN, State.RELEASED, problem={"reason": Reason.NEVER_ARRIVED}, sealed_secret=""
        )
    else:
        _retry_later(operation)


def _identical_unsettled(operation: Operation) -> list[Operation]:
    """Other operations of the account with the same parameters that are not matched at the provider yet."""
    unsettled = Operation.objects.filter(
        account=operation.account_id,
        kind=operation.kind,
        state__in=(State.SENDING, State.ANSWERED, State.UNCERTAIN),
    ).exclude(pk=operation.pk)
    return [each for each in unsettled if each.params == operation.params]


def _matched_ids(operation: Operation, ids: Collection[int]) -> set[int | None]:
    """Which of these provider's operations are matched with one of ours already."""
    matched = Operation.objects.filter(account=operation.account_id, origin=Operation.Origin.PANEL, remote_id__in=ids)
    return set(matched.values_list("remote_id", flat=True))


def _unmatched_lookalikes(
    session: ApiSession, operation: Operation, kind: Kind, sent_at: datetime
) -> list[OperationDetails]:
    """The provider's operations that may be this one and are not matched yet, oldest first."""
    offset = session.account.clock_offset
    ids = listing.find(
        session,
        OperationFilter(
            type=kind.method,
            created_after=sent_at + offset - _CLOCK_MARGIN,
            created_before=_grace_ends(sent_at) + offset + _CLOCK_MARGIN,
        ),
    )
    matched = _matched_ids(operation, ids)
    details = [_details(session, remote_id) for remote_id in ids if remote_id not in matched]
    return sorted((each for each in details if kind.fits(each)), key=lambda each: each.id)


def _details(session: ApiSession, remote_id: int) -> OperationDetails:
    return session.call(lambda client: client.operation_details(remote_id))


def _grace_ends(sent_at: datetime) -> datetime:
    seconds = settings.API_CONNECT_TIMEOUT_S + settings.API_READ_TIMEOUT_S + settings.UNCERTAIN_GRACE_S
    return sent_at + timedelta(seconds=seconds)


def _retry_later(operation: Operation) -> None:
    Operation.objects.filter(pk=operation.pk, state=State.UNCERTAIN).update(
        due_at=timezone.now() + timedelta(seconds=_PAUSE_S)
    )


def _ask_a_person(operation: Operation, candidates: list[OperationDetails]) -> None:
    conclude.update(
        operation,
        State.UNCERTAIN,
        needs_person=True,
        problem={"reason": Reason.NO_ANSWER, "candidates": [_evidence(each) for each in candidates]},
    )


def _evidence(details: OperationDetails) -> dict[str, object]:
    """What a person needs to know to tell the candidates apart."""
    return {
        "id": details.id,
        "state": details.state,
        "created": details.date_created.isoformat() if details.date_created else "",
        "source": details.source,
        "params": dict(details.params),
        "objects": details.objects,
    }
