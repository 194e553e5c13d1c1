"""Sessions at the API: one for each login and handle, cached sealed in Redis, shared by all workers.

Calls go through `ApiSession`. It keeps the rate limit, logs in again once when a session has ended, and notes whether
the endpoint answers and how far its clock is from ours. A call that changes something is made once and never resent,
except after a session fault, which says that the provider did not execute it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db import Error, transaction
from django.utils import timezone
from redis.exceptions import LockError

from hosting.accounts import availability, limits, session_store, store, versions
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.accounts.signing_in import PARALLEL_CALLS, login_key, longest_s, refusal_of, sign_in, transport_to
from hosting.api import (
    ApiError,
    Client,
    Garbled,
    NotEncodable,
    NotSent,
    RateLimited,
    SessionFault,
    Unanswered,
)
from hosting.teams.audit.log import record

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Added to the longest possible login. A worker that dies during a login blocks the others for that time.
_LOCK_SPARE_S = 5
# How long a worker waits for another one's login. After that its job fails and is retried later.
_LOCK_WAIT_S = 10
# Reading in bulk: calls started before the first of them must be back, and tries of a call that the provider rejects
# with 429.
_CALLS_AHEAD = 64
_TOO_EARLY_TIMES = 4
# The longest wait for the rate limit, in seconds. A round of the mirror gives its thread back after less: the next one
# continues.
_PATIENCE_S = {Priority.MEMBER: 10.0, Priority.TRACKING: 10.0, Priority.MIRROR: 2.0}
# Smaller differences between the clocks are ignored: the Date header has whole seconds.
_CLOCK_TOLERANCE_S = 2.0


class AccountStoppedError(Exception):
    """No call is made for this account until a person fixes it; `trouble` says why."""

    def __init__(self, trouble: str) -> None:
        super().__init__(trouble)
        self.trouble = trouble


@dataclass(frozen=True)
class Answer(Generic[Result]):
    """The result or error of one call of several, and when the call was made."""

    asked_at: datetime
    outcome: "Result | ApiError"

    @property
    def is_away(self) -> bool:
        """Whether the endpoint did not answer, so that further calls make no sense now."""
        return isinstance(self.outcome, NotSent | Unanswered) and not isinstance(self.outcome, Garbled)


@dataclass
class _Running(Generic[Result]):
    asked_at: datetime
    call: Callable[[Client], Result]
    session_id: str
    future: "Future[Result | ApiError]"


def client_for(account: Account, priority: Priority) -> "ApiSession":
    """Open a session of the account, from the cache or by logging in once.

    Raises:
        AccountStoppedError: when the account is stopped, or this login has just stopped it.
        ApiError: when the login failed.
        limits.NoAllowanceError, redis.RedisError: when the login could not be tried.
    """
    session = ApiSession(account, priority)
    session.open()
    return session


class ApiSession:
    """Makes the API calls of one account. Not thread-safe; `stream` uses threads of its own."""

    def __init__(self, account: Account, priority: Priority) -> None:
        self.account = account
        self._priority = priority
        self._transport = transport_to(account.endpoint.url)
        self._login_key = login_key(account.endpoint, account.login)
        self._session_id = ""

    def open(self) -> None:
        """Use the cached session, or log in."""
        if self.account.trouble:
            raise AccountStoppedError(self.account.trouble)
        self._session_id = self._cached_or_new()

    def call(self, do: Callable[[Client], Result]) -> Result:
        """Run `do` with a client; it makes exactly one API call. Raises what `client_for` raises."""
        try:
            result = self._once(do)
        except SessionFault:
            self._session_id = self._cached_or_new(ended=self._session_id)
            result = self._once(do)
        return result

    def hold(self, do: Callable[[Client], Result]) -> Result:
        """As `call`, for a call that the provider holds until there is something to tell.

        An answer that does not come says nothing about the endpoint: proxies cut connections on which nothing moves.
        """
        try:
            return self._unnoted(do)
        except SessionFault:
            self._session_id = self._cached_or_new(ended=self._session_id)
            return self._unnoted(do)

    def gather(self, calls: Sequence[Callable[[Client], Result]]) -> "list[Result | ApiError]":
        """Run reading calls in parallel over kept-alive connections. Returns the result or the error of each."""
        outcomes = [answer.outcome for answer in self.stream(calls)]
        # Calls that were not tried get the error of the last one.
        return outcomes + outcomes[-1:] * (len(calls) - len(outcomes))

    def stream(self, calls: Iterable[Callable[[Client], Result]]) -> "Iterator[Answer[Result]]":
        """Run reading calls in parallel, and yield the answers in order while later calls are running.

        When the endpoint does not answer, that answer is the last one; the remaining calls are not tried.

        Raises:
            See `client_for`, besides `ApiError`.
        """
        under_way: deque[_Running[Result]] = deque()
        pool = ThreadPoolExecutor(PARALLEL_CALLS)
        answer: Answer[Result] | None = None
        try:
            for call in calls:
                self._take_allowance()
                asked_at, session_id = timezone.now(), self._session_id
                under_way.append(_Running(asked_at, call, session_id, pool.submit(self._read, call, session_id)))
                while under_way and (len(under_way) >= _CALLS_AHEAD or under_way[0].future.done()):
                    yield (answer := self._answer_of(under_way.popleft()))
                    if answer.is_away:
                        return
            while under_way:
                yield (answer := self._answer_of(under_way.popleft()))
                if answer.is_away:
                    return
        finally:
            pool.shutdown(cancel_futures=True)
            if answer is not None:
                self._note(answer.outcome)

    def _answer_of(self, running: "_Running[Result]") -> "Answer[Result]":
        outcome = running.future.result()
        if isinstance(outcome, SessionFault):
            self._session_id = self._cached_or_new(ended=running.session_id)
            self._take_allowance()
            outcome = self._read(running.call, self._session_id)
        return Answer(running.asked_at, outcome)

    def _read(self, do: Callable[[Client], Result], session_id: str) -> "Result | ApiError":
        """Make one reading call, and repeat it when the provider rejects it for the rate limit."""
        for _ in range(_TOO_EARLY_TIMES):
            try:
                return do(Client(self._transport, session_id))
            except RateLimited as limit:
                outcome: ApiError = limit
                if limit.retry_after_s > _PATIENCE_S[self._priority]:
                    return limit
                time.sleep(limit.retry_after_s)
                self._take_allowance()
            except ApiError as error:
                return error
        return outcome

    def _take_allowance(self) -> None:
        limits.take(self._login_key, self._priority, wait_s=_PATIENCE_S[self._priority])

    def _unnoted(self, do: Callable[[Client], Result]) -> Result:
        self._take_allowance()
        return do(Client(self._transport, self._session_id))

    def _once(self, do: Callable[[Client], Result]) -> Result:
        try:
            result = self._unnoted(do)
        except ApiError as error:
            self._note_if_possible(error)
            raise
        self._note_if_possible(None)
        return result

    def _note_if_possible(self, outcome: object) -> None:
        """As `_note`, but ignore database errors: they must not lose the answer."""
        try:
            self._note(outcome)
        except Error as error:
            log.warning("Whether the endpoint answers could not be noted: %s", type(error).__name__)

    def _note(self, outcome: object) -> None:
        """Store whether the endpoint answers, and the offset of its clock."""
        endpoint = self.account.endpoint
        if isinstance(outcome, NotEncodable):
            return
        if isinstance(outcome, NotSent | Unanswered):
            availability.record_no_answer(endpoint.pk)
            return
        availability.record_answer(endpoint)
        offset = self._transport.clock_offset
        if offset is not None and abs(offset.total_seconds() - self.account.clock_offset_s) > _CLOCK_TOLERANCE_S:
            self.account.clock_offset_s = offset.total_seconds()
            Account.objects.filter(pk=self.account.pk).update(clock_offset_s=self.account.clock_offset_s)

    def _cached_or_new(self, ended: str = "") -> str:
        """The cached session id, unless it is the one that has `ended`; otherwise that of a new login.

        Workers that need a session at the same time share one login.
        """
        password = self._password()
        key = session_store.session_key(self.account, password)
        if cached := session_store.get(key, ended):
            return cached
        if ended:
            session_store.record_refusal(self.account.pk)
        with _locked(f"login:{key}"):
            if cached := session_store.get(key, ended):
                return cached
            session_id = self._log_in(password)
            session_store.put(key, session_id)
            self._bump_versions()
            return session_id

    def _bump_versions(self) -> None:
        """Refresh the account's page, which shows the session. Database errors are ignored, to keep the session."""
        with suppress(Error), transaction.atomic():
            versions.bump(self.account.pk)

    def _password(self) -> str:
        try:
            return unseal(self.account.sealed_password)
        except UnreadableSecretError:
            self._stop(Account.Trouble.SEAL)
            raise AccountStoppedError(Account.Trouble.SEAL) from None

    def _log_in(self, password: str) -> str:
        """Log in, unless another worker has stopped the account meanwhile."""
        account = self.account
        account.refresh_from_db(fields=["trouble"])
        if account.trouble:
            raise AccountStoppedError(account.trouble)
        try:
            session_id = sign_in(
                account.endpoint, name=account.login, password=password, handle=account.handle, priority=self._priority
            )
        except ApiError as error:
            self._note(error)
            trouble = refusal_of(error)
            if not trouble:
                raise
            self._stop(trouble)
            raise AccountStoppedError(trouble) from None
        self._note(None)
        return session_id

    def _stop(self, trouble: Account.Trouble) -> None:
        """Stop this account, unless a person has changed its credentials meanwhile."""
        account = self.account
        with transaction.atomic():
            stopped = Account.objects.filter(
                pk=account.pk,
                login=account.login,
                sealed_password=account.sealed_password,
                handle=account.handle,
                trouble=Account.Trouble.NONE,
            ).update(trouble=trouble)
            if stopped:
                versions.bump(account.pk)
                record(
                    account.team,
                    by=None,
                    action="account.stopped",
                    subject=account.label,
                    account=account.pk,
                    thing="login",
                    before={"trouble": ""},
                    after={"trouble": trouble.value},
                    trouble=trouble.value,
                )


@contextmanager
def _locked(name: str) -> Iterator[None]:
    """Hold a lock in Redis. If it expires early, the worst result is a second login."""
    life_s = longest_s() + _LOCK_SPARE_S
    lock = store.connection().lock(name, timeout=life_s, blocking_timeout=_LOCK_WAIT_S)
    if not lock.acquire():
        raise limits.NoAllowanceError
    try:
        yield
    finally:
        with suppress(LockError):
            lock.release()
