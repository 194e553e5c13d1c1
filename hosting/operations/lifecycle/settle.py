"""What happens when the call of an operation gets no answer.

If it was sent with a key, it is asked for again with the same key: the provider carries it out at most once, so its
answer is certain. Otherwise it is looked up in the provider's list, and never sent again.

Decisions: docs/decisions/0006-equal-operations-are-interchangeable.md,
docs/decisions/0029-released-operations-stay-under-watch.md
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.sealing import UnreadableSecretError
from hosting.accounts.sessions import ApiSession
from hosting.api import ONCE, Cause, DataFault, OperationDetails, SessionFault
from hosting.operations.lifecycle import conclude, late, lookalikes, send
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State

_LONGEST_PAUSE_S = 3.0
# The provider keeps a key for 30 days (contract, "Extensions").
_KEY_LIFE = timedelta(days=29)
# A longer time between two readings of the list says nothing about what the provider did meanwhile.
_LONGEST_GAP = timedelta(seconds=30)


def settle(operation: Operation, session: ApiSession) -> None:
    """Ask again for an UNCERTAIN operation that has a key, or look for it in the provider's list.

    If it is found there, it is matched and tracked like any other. If it is not found although the provider has
    answered for the grace time after the call, it is released and stays under watch (`late`). If there are more
    candidates than operations sent from here, a person decides.

    Raises:
        hosting.api.ApiError: the list could not be read; nothing has changed.
    """
    if operation.sent_at is None:
        return
    if operation.keyed:
        _ask_again(operation, session, operation.sent_at)
        return
    looked_at = timezone.now()
    found = lookalikes.find(session, operation, operation.sent_at)
    # Read after the provider's list, so that an identical operation is either here or already has its remote id.
    identical = _identical_unsettled(operation)
    if any(_will_be_known(each) for each in identical):
        _retry_later(operation)
        return
    matched = lookalikes.matched_ids(operation, [each.id for each in found])
    candidates = [each for each in found if each.id not in matched]
    if len(candidates) > 1 + len(identical):
        _ask_a_person(operation, candidates)
    elif candidates:
        # Operations with the same parameters are interchangeable: each takes one of those that are left.
        first = candidates[0]
        if not conclude.adopt(operation, State.UNCERTAIN, first.id, answered_at=looked_at, problem={}, **first.objects):
            _retry_later(operation)
    else:
        _note_absence(operation, looked_at)


def _ask_again(operation: Operation, session: ApiSession, sent_at: datetime) -> None:
    if timezone.now() > sent_at + _KEY_LIFE:
        _drop_key(operation)
        return
    try:
        is_taken = not send.ask_again(operation, session)
    except SessionFault:
        raise
    except DataFault as fault:
        # About the key: its first call is still being carried out, or the provider does not know the extension any
        # more.
        if fault.cause == Cause.STATE:
            _retry_later(operation)
            return
        if fault.cause == Cause.NOT_FOUND:
            extensions.forget(session.account.endpoint, ONCE)
        _drop_key(operation)
    except UnreadableSecretError:
        _drop_key(operation)
    else:
        if is_taken:
            # An equal operation without a key has been matched with its own. The two are interchangeable, so this one
            # looks for the other's.
            _drop_key(operation)


def _drop_key(operation: Operation) -> None:
    """Settle by reading from now on: the provider does not know the key, or not any more."""
    conclude.update(operation, State.UNCERTAIN, keyed=False, sealed_secret="", due_at=timezone.now())


def _identical_unsettled(operation: Operation) -> list[Operation]:
    """Other operations of the account with the same parameters that are not matched at the provider, and may be."""
    unsettled = Q(state__in=(State.SENDING, State.ANSWERED, State.UNCERTAIN)) | late.can_turn_up(timezone.now())
    others = Operation.objects.filter(unsettled, account=operation.account_id, kind=operation.kind)
    return [each for each in others.exclude(pk=operation.pk) if each.params == operation.params]


def _will_be_known(operation: Operation) -> bool:
    """Whether its own answer will say which of the provider's operations it is, so that no other may take that one."""
    return operation.state not in {State.UNCERTAIN, State.RELEASED} or (operation.keyed and not operation.needs_person)


def _note_absence(operation: Operation, looked_at: datetime) -> None:
    """Release an operation that is still not listed after the grace time, in which the provider answered all along.

    The call may have waited in a queue while nothing answered, so that the time before does not count.
    """
    is_gap = operation.absent_at is None or looked_at - operation.absent_at > _LONGEST_GAP
    since = looked_at if is_gap or operation.absent_since is None else operation.absent_since
    if looked_at < since + timedelta(seconds=settings.UNCERTAIN_GRACE_S):
        _retry_later(operation, absent_since=since, absent_at=looked_at)
        return
    conclude.move(
        operation,
        State.UNCERTAIN,
        State.RELEASED,
        problem={"reason": Reason.NOT_SEEN, "since": since.isoformat()},
        sealed_secret="",
        absent_since=since,
        absent_at=looked_at,
    )


def _retry_later(operation: Operation, **fields: object) -> None:
    pause = timedelta(seconds=min(_LONGEST_PAUSE_S, settings.UNCERTAIN_GRACE_S / 4))
    Operation.objects.filter(pk=operation.pk, state=State.UNCERTAIN).update(due_at=timezone.now() + pause, **fields)


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
