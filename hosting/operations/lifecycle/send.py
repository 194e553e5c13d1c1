"""Make the one call of an operation, and handle its outcome.

The row is claimed by a conditional UPDATE right before the call. The call is made once, outside any transaction.
Each of its three outcomes leads to a state of its own: accepted, refused, or no answer (UNCERTAIN, see `settle`).

Where the provider has `sharedeck.once`, the call carries a key, and may be made again with the same key (`ask_again`).

Decisions: docs/decisions/0002-server-faults-are-no-answer.md, docs/decisions/0030-changes-carry-a-key.md
"""

import logging
from datetime import timedelta

import redis
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.accounts.sessions import AccountStoppedError, ApiSession, client_for
from hosting.api import (
    ONCE,
    ApiError,
    Cause,
    Client,
    DataFault,
    Fault,
    FaultObject,
    NotEncodable,
    RateLimited,
    RequestTooLarge,
    SessionFault,
    Unanswered,
)
from hosting.jobs import Job, enqueue
from hosting.operations.costs import observed
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Answer, Kind
from hosting.operations.lifecycle import conclude, late
from hosting.operations.models import problems
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State
from hosting.writes import keep_trying

log = logging.getLogger(__name__)

# Seconds until an unconfirmed operation is first looked up in the provider's list.
_FIRST_SETTLE_S = 1.0
_PAUSE_S = 1.0


class _LostRaceError(Exception):
    """Another worker is sending the operation, or it was cancelled."""


class _Attempt:
    """Claim the row once, then make the call. `in_flight` says whether an error came from this call or a sign-in."""

    def __init__(self, operation: Operation, kind: Kind, secret: str) -> None:
        self._operation, self._kind, self.secret = operation, kind, secret
        self.claimed = False
        self.in_flight = False

    def __call__(self, client: Client) -> int:
        if not self._claim():
            raise _LostRaceError
        self.in_flight = True
        try:
            return _call(self._operation, self._kind, client, self.secret)
        except SessionFault:
            self.in_flight = False
            raise

    def _claim(self) -> bool:
        now = timezone.now()
        if self.claimed:
            # A second attempt after a session fault and a new sign-in, which may have taken long: restart the time of
            # the call, unless the sweep has given up on this worker meanwhile.
            return conclude.update(self._operation, State.SENDING, sent_at=now)
        keyed = extensions.has(self._operation.account.endpoint, ONCE)
        # Claiming erases the secret from the database: from here on only this worker's memory holds it. With a key the
        # call may have to be made again, and the secret is erased when it is answered.
        erased = {} if keyed else {"sealed_secret": ""}
        self.claimed = conclude.move(self._operation, State.WAITING, State.SENDING, sent_at=now, keyed=keyed, **erased)
        self._operation.keyed = keyed
        return self.claimed


def _call(operation: Operation, kind: Kind, client: Client, secret: str) -> int:
    return kind.send(client.keyed(operation.key) if operation.keyed else client, secret)


def send(operation_id: int) -> None:
    """Send a waiting operation. Do nothing when it is not waiting any more."""
    operation = (
        Operation.objects.select_related("account__endpoint", "account__team", "retry_of__account")
        .filter(pk=operation_id, state=State.WAITING)
        .first()
    )
    if operation is None:
        return
    if operation.account.endpoint.away_since:
        # Requested before this was known. Only the probe checks whether the endpoint is back, not members' operations.
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
        if late.first_has_arrived(operation, session):
            _give_up(operation, State.WAITING, Reason.FIRST_ARRIVED, dismissed_at=timezone.now())
            return
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
        outcome = error
        keep_trying(lambda: _handle_error(operation, attempt, outcome), f"the outcome of operation {operation.pk}")
    else:
        log.info("Operation %d was accepted: the provider answered %d", operation.pk, answer)
        keep_trying(lambda: _accept(operation, kind, answer), f"the answer to operation {operation.pk}")


def ask_again(operation: Operation, session: ApiSession) -> None:
    """Make the call of an UNCERTAIN operation again, with its key: the provider gives its first answer, or carries the
    call out now.

    Raises:
        hosting.api.ApiError: no answer again; nothing has changed.
        UnreadableSecretError: the secret of the call can't be read any more.
    """
    kind = catalogue.load(operation.kind, operation.params)
    secret = unseal(operation.sealed_secret)
    try:
        answer = session.call(lambda client: _call(operation, kind, client, secret))
    except SessionFault:
        raise
    except DataFault as fault:
        problem = problems.of_fault(fault)
        if _is_of_the_key(fault):
            raise
        keep_trying(
            lambda: conclude.move(
                operation,
                State.UNCERTAIN,
                State.REFUSED,
                problem=problem,
                answered_at=timezone.now(),
                sealed_secret="",
            ),
            f"the outcome of operation {operation.pk}",
        )
    else:
        log.info("Operation %d was accepted: the provider answered %d", operation.pk, answer)
        keep_trying(lambda: _accept(operation, kind, answer), f"the answer to operation {operation.pk}")


def _is_of_the_key(fault: Fault) -> bool:
    """Whether a fault is about `sharedeck.once` itself: it says nothing of what the call asked for."""
    return isinstance(fault, DataFault) and fault.object == FaultObject.METHOD


def _current_state(attempt: _Attempt) -> State:
    return State.SENDING if attempt.claimed else State.WAITING


def _postpone(operation: Operation, attempt: _Attempt, secret: str, seconds: float) -> None:
    """Try again later: the call was not executed, and the sweep queues it when it is due."""
    due_at = timezone.now() + timedelta(seconds=seconds)
    if attempt.claimed:
        keep_trying(lambda: conclude.put_back(operation, secret, due_at=due_at), f"operation {operation.pk} again")
    else:
        Operation.objects.filter(pk=operation.pk, state=State.WAITING).update(due_at=due_at)


def _give_up(operation: Operation, before: State, reason: Reason, text: str = "", **fields: object) -> None:
    problem = {"reason": reason, "text": text}
    conclude.move(operation, before, State.NOT_SENT, problem=problem, sealed_secret="", sent_at=None, **fields)


def _handle_error(operation: Operation, attempt: _Attempt, error: ApiError) -> None:
    """Move the operation to the state that an error of the call leads to. No answer leads to UNCERTAIN."""
    before = _current_state(attempt)
    match error:
        case NotEncodable() | RequestTooLarge():
            _give_up(operation, before, Reason.UNSENDABLE, error.message)
        case SessionFault():
            _give_up(operation, before, Reason.SESSION)
        case Fault() if not attempt.in_flight:
            conclude.move(operation, before, State.NOT_SENT, problem=problems.of_fault(error), sealed_secret="")
        case DataFault(cause=Cause.NOT_FOUND) if operation.keyed and _is_of_the_key(error):
            # The provider had the extension and has lost it; nothing was carried out.
            extensions.forget(operation.account.endpoint, ONCE)
            due_at = timezone.now() + timedelta(seconds=_PAUSE_S)
            conclude.put_back(operation, attempt.secret, due_at=due_at)
        case DataFault() if not (operation.keyed and _is_of_the_key(error)):
            conclude.move(
                operation,
                before,
                State.REFUSED,
                problem=problems.of_fault(error),
                answered_at=timezone.now(),
                sealed_secret="",
            )
        case Fault() | Unanswered() if attempt.in_flight:
            # After an internal fault of the provider the operation may have happened, as after no answer.
            problem = {"reason": Reason.NO_ANSWER, "text": error.message}
            due_at = timezone.now() + timedelta(seconds=_FIRST_SETTLE_S)
            conclude.move(operation, before, State.UNCERTAIN, problem=problem, due_at=due_at)
        case _:
            _give_up(operation, before, Reason.UNREACHABLE)


def _accept(operation: Operation, kind: Kind, answer: int) -> None:
    """Move an accepted operation on. The sweep may have moved it to UNCERTAIN meanwhile, if the call took too long."""
    now = timezone.now()
    for before in (State.SENDING, State.UNCERTAIN):
        if kind.answer is Answer.OPERATION:
            moved = conclude.adopt(operation, before, answer, answered_at=now, problem={}, sealed_secret="")
        else:
            made = {"vm_id": answer} if kind.answer is Answer.VM else {"disk_id": answer}
            moved = conclude.move(
                operation, before, State.ANSWERED, answered_at=now, due_at=now, problem={}, sealed_secret="", **made
            )
            if moved:
                enqueue(Job.IDENTIFY, operation.pk)
        if moved:
            return
