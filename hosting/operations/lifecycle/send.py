"""The one call of an operation, and what its outcome means.

The row is claimed by a conditional UPDATE right before the call, the call is made once outside any transaction, and
its three outcomes have three states: an answer, a no, and no answer.
"""

from datetime import timedelta

import redis
from django.utils import timezone

from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.accounts.sessions import AccountStoppedError, client_for
from hosting.api import (
    ApiError,
    Client,
    DataFault,
    Fault,
    NotEncodable,
    RateLimited,
    RequestTooLarge,
    ServerFault,
    SessionFault,
    Unanswered,
)
from hosting.jobs import Job, ask
from hosting.operations.costs import observed
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Answer, Kind
from hosting.operations.lifecycle import conclude
from hosting.operations.models import problems
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State

# The first look for an unconfirmed operation in the provider's list.
_FIRST_SETTLE_S = 1.0
_PAUSE_S = 1.0


class _LostRaceError(Exception):
    """Another worker sends it, or its member has taken it back."""


class _Attempt:
    """Claims the row once, then makes the call. Knows whether the call is what went wrong, or a login before it."""

    def __init__(self, operation: Operation, kind: Kind, secret: str) -> None:
        self._operation, self._kind, self._secret = operation, kind, secret
        self.claimed = False
        self.in_flight = False

    def __call__(self, client: Client) -> int:
        if not self._claim():
            raise _LostRaceError
        self.in_flight = True
        try:
            return self._kind.send(client, self._secret)
        except SessionFault:
            self.in_flight = False
            raise

    def _claim(self) -> bool:
        now = timezone.now()
        if self.claimed:
            # After a session fault and another login, which may have taken long: the time of the call starts again,
            # unless the sweep has taken us for dead meanwhile.
            return conclude.update(self._operation, State.SENDING, sent_at=now)
        # The secret leaves the database with the claim: from here on it is in this worker's memory alone.
        self.claimed = conclude.move(self._operation, State.WAITING, State.SENDING, sent_at=now, sealed_secret="")
        return self.claimed


def send(operation_id: int) -> None:
    """Send a waiting operation. Does nothing when it is not waiting any more."""
    operation = (
        Operation.objects.select_related("account__endpoint", "account__team")
        .filter(pk=operation_id, state=State.WAITING)
        .first()
    )
    if operation is None:
        return
    if operation.account.endpoint.away_since:
        # Asked for before that was known. One call at a time finds out whether it is back, and not a member's.
        _give_up(operation, State.WAITING, Reason.UNREACHABLE)
        return
    kind = catalogue.load(operation.kind, operation.params)
    try:
        secret = unseal(operation.sealed_secret)
    except UnreadableSecretError:
        _give_up(operation, State.WAITING, Reason.UNSENDABLE)
        return
    attempt = _Attempt(operation, kind, secret)
    try:
        session = client_for(operation.account, Priority.MEMBER)
        observed.read_balance_before_spending(session, operation.kind)
        answer = session.call(attempt)
    except _LostRaceError:
        return
    except (NoAllowanceError, redis.RedisError):
        _postpone(operation, attempt, secret, _PAUSE_S)
    except AccountStoppedError as stop:
        _give_up(operation, _current_state(attempt), Reason.ACCOUNT, text=stop.trouble)
    except RateLimited as limit:
        _postpone(operation, attempt, secret, limit.retry_after_s)
    except ApiError as error:
        _handle_error(operation, attempt, error)
    else:
        _accept(operation, kind, answer)


def _current_state(attempt: _Attempt) -> State:
    return State.SENDING if attempt.claimed else State.WAITING


def _postpone(operation: Operation, attempt: _Attempt, secret: str, seconds: float) -> None:
    """Not now: the call was not executed, and the sweep asks again when it is due."""
    due_at = timezone.now() + timedelta(seconds=seconds)
    if attempt.claimed:
        conclude.put_back(operation, secret, due_at=due_at)
    else:
        Operation.objects.filter(pk=operation.pk, state=State.WAITING).update(due_at=due_at)


def _give_up(operation: Operation, before: State, reason: Reason, text: str = "") -> None:
    problem = {"reason": reason, "text": text}
    conclude.move(operation, before, State.NOT_SENT, problem=problem, sealed_secret="", sent_at=None)


def _handle_error(operation: Operation, attempt: _Attempt, error: ApiError) -> None:
    """What an error means for the operation."""
    before = _current_state(attempt)
    match error:
        case NotEncodable() | RequestTooLarge():
            _give_up(operation, before, Reason.UNSENDABLE, error.message)
        case SessionFault():
            _give_up(operation, before, Reason.SESSION)
        case Fault() if not attempt.in_flight:
            conclude.move(operation, before, State.NOT_SENT, problem=problems.of_fault(error), sealed_secret="")
        case DataFault():
            conclude.move(
                operation, before, State.REFUSED, problem=problems.of_fault(error), answered_at=timezone.now()
            )
        case ServerFault() | Unanswered() if attempt.in_flight:
            # A fault inside the provider says nothing about how far it had come.
            problem = {"reason": Reason.NO_ANSWER, "text": error.message}
            due_at = timezone.now() + timedelta(seconds=_FIRST_SETTLE_S)
            conclude.move(operation, before, State.UNCERTAIN, problem=problem, due_at=due_at)
        case _:
            _give_up(operation, before, Reason.UNREACHABLE)


def _accept(operation: Operation, kind: Kind, answer: int) -> None:
    """The provider accepted it. A sweep that took us for dead has moved the row to UNCERTAIN: then from there."""
    now = timezone.now()
    for before in (State.SENDING, State.UNCERTAIN):
        if kind.answer is Answer.OPERATION:
            moved = conclude.adopt(operation, before, answer, answered_at=now, problem={})
        elif before is State.SENDING:
            made = {"vm_id": answer} if kind.answer is Answer.VM else {"disk_id": answer}
            moved = conclude.move(operation, before, State.ANSWERED, answered_at=now, due_at=now, **made)
            if moved:
                ask(Job.IDENTIFY, operation.pk)
        else:
            moved = False
        if moved:
            return
