"""Make the one call of an operation, and handle its outcome.

The row is claimed by a conditional UPDATE right before the call, and the claim is kept until the outcome is written.
The call is made once, outside any transaction. Each of its three outcomes leads to a state of its own: accepted,
refused, or no answer (UNCERTAIN, see `settle`).

Where the provider has `sharedeck.once`, the call carries a key, and may be made again with the same key (`ask_again`).

Decisions: docs/decisions/0002-server-faults-are-no-answer.md, docs/decisions/0030-changes-carry-a-key.md,
docs/decisions/0034-claims-live-by-a-lease.md
"""

import logging
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import redis
from django.utils import timezone

from hosting import leases
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
from hosting.writes import AWAY, keep_trying

log = logging.getLogger(__name__)

# Seconds until an unconfirmed operation is first looked up in the provider's list.
_FIRST_SETTLE_S = 1.0
_PAUSE_S = 1.0


class _LostRaceError(Exception):
    """Another worker is sending the operation, or it was cancelled."""


class _Attempt:
    """Claim the row once, then make the call. `in_flight` says whether an error came from this call or a sign-in.

    Args:
        lease: its end is the end of the claim.
    """

    def __init__(self, operation: Operation, kind: Kind, secret: str, lease: ExitStack) -> None:
        self._operation, self._kind, self.secret, self._lease = operation, kind, secret, lease
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
        self.claimed = conclude.move(
            self._operation,
            State.WAITING,
            State.SENDING,
            sent_at=now,
            claimed_until=leases.until(),
            keyed=keyed,
            **erased,
        )
        self._operation.keyed = keyed
        if self.claimed:
            # Nobody sends it a second time, so that in this state the claim is ours.
            self._lease.enter_context(leases.kept(Operation.objects.filter(pk=self._operation.pk, state=State.SENDING)))
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
    with ExitStack() as lease:
        _make_call(operation, kind, _Attempt(operation, kind, secret, lease))


def _make_call(operation: Operation, kind: Kind, attempt: _Attempt) -> None:
    """Make the call, and write its outcome however long the database is away: nobody else knows it."""
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
        _postpone(operation, attempt, _PAUSE_S)
    except AWAY:
        if not attempt.claimed or attempt.in_flight:
            raise
        # Between a session fault and the second attempt: the call was not executed.
        _postpone(operation, attempt, _PAUSE_S)
    except AccountStoppedError as stop:
        before, trouble = _current_state(attempt), stop.trouble
        keep_trying(
            lambda: _give_up(operation, before, Reason.ACCOUNT, text=trouble),
            f"the outcome of operation {operation.pk}",
        )
    except RateLimited as limit:
        _postpone(operation, attempt, limit.retry_after_s)
    except ApiError as error:
        outcome = error
        log.info("Operation %d was not accepted: %s", operation.pk, _told(error))
        keep_trying(lambda: _handle_error(operation, attempt, outcome), f"the outcome of operation {operation.pk}")
    else:
        _write_answer(operation, kind, answer)


def _write_answer(operation: Operation, kind: Kind, answer: int) -> bool:
    """Write the provider's answer, and log it first. False when the row could not take it any more."""
    log.info("Operation %d was accepted: the provider answered %d", operation.pk, answer)
    return keep_trying(lambda: _accept(operation, kind, answer), f"the answer {answer} to operation {operation.pk}")


def _told(error: ApiError) -> str:
    """An error for the log, without what the provider says in words."""
    return f"fault {error.code}" if isinstance(error, Fault) else type(error).__name__


def ask_again(operation: Operation, session: ApiSession) -> bool:
    """Make the call of an UNCERTAIN operation again, with its key: the provider gives its first answer, or carries the
    call out now. False when the answer could not be taken: the row has moved, or an equal operation has what it names.

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
        log.info("Operation %d was not accepted: %s", operation.pk, _told(fault))
        return keep_trying(
            lambda: _refuse(operation, State.UNCERTAIN, problem), f"the outcome of operation {operation.pk}"
        )
    return _write_answer(operation, kind, answer)


def _is_of_the_key(fault: Fault) -> bool:
    """Whether a fault is about `sharedeck.once` itself: it says nothing of what the call asked for."""
    return isinstance(fault, DataFault) and fault.object == FaultObject.METHOD


def _current_state(attempt: _Attempt) -> State:
    return State.SENDING if attempt.claimed else State.WAITING


def _postpone(operation: Operation, attempt: _Attempt, seconds: float) -> None:
    """Try again later: the call was not executed, and the sweep queues it when it is due."""
    due_at = timezone.now() + timedelta(seconds=seconds)
    if attempt.claimed:
        put_back = partial(conclude.put_back, operation, attempt.secret, due_at=due_at)
        keep_trying(put_back, f"that operation {operation.pk} was not sent")
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
            _refuse(operation, before, problems.of_fault(error))
        case Fault() | Unanswered() if attempt.in_flight:
            # After an internal fault of the provider the operation may have happened, as after no answer.
            problem = {"reason": Reason.NO_ANSWER, "text": error.message}
            due_at = timezone.now() + timedelta(seconds=_FIRST_SETTLE_S)
            conclude.move(operation, before, State.UNCERTAIN, problem=problem, due_at=due_at)
        case _:
            _give_up(operation, before, Reason.UNREACHABLE)


def _refuse(operation: Operation, before: State, problem: dict[str, object]) -> bool:
    """End an operation that the provider has refused. If its worker stood still, it may be UNCERTAIN meanwhile."""
    now = timezone.now()
    return any(
        conclude.move(operation, state, State.REFUSED, problem=problem, answered_at=now, sealed_secret="")
        for state in dict.fromkeys((before, State.UNCERTAIN))
    )


def _accept(operation: Operation, kind: Kind, answer: int) -> bool:
    """Move an accepted operation on. If its worker stood still, it may be UNCERTAIN or even RELEASED meanwhile."""
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
            return True
    # Of a new object the provider's operation id is not known yet: `late.match` finds both.
    return kind.answer is Answer.OPERATION and late.adopt(operation, answer)
