"""Wait for changes at the provider: one held call for each account whose endpoint tells what has changed.

What a call names is read by a worker (`operations.following`); here, only its job is queued. The next call is made
when that has been read, so that what moves meanwhile is told and read together. Without a listener, rounds ask for
changes every `MIRROR_ROUND_S`.

Decision: docs/decisions/0032-changes-are-followed.md
"""

import logging
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import AccountStoppedError, client_for
from hosting.api import ApiError
from hosting.jobs import Job, enqueue
from hosting.operations import following

log = logging.getLogger(__name__)

# How long a call is held, in seconds: so much shorter than `API_READ_TIMEOUT_S` that its answer arrives in time. Pages
# of an account where nothing happens are up to twice this old.
WAIT_S, _ANSWER_WITHIN_S = 15, 5
# Threads of one process; other accounts are read in rounds.
_AT_MOST = 500
# If the process of a listener dies, another one may claim its accounts after this long, and rounds go on.
_CLAIM_SPARE = timedelta(seconds=10)
# After a failure, and where the provider holds no more calls.
_PAUSE_S = 5.0
# How long a worker may take to read what a call has named before it is asked for again, and the pauses between looks:
# each is twice as long as the one before.
_READ_WITHIN_S, _FIRST_LOOK_S, _LONGEST_PAUSE_S = 10.0, 0.05, 1.0


class Listener:
    """Holds one call for each account that can be followed, each in a thread of its own."""

    def __init__(self) -> None:
        self.threads: dict[int, threading.Thread] = {}
        self._stopping = threading.Event()

    def run(self) -> None:
        """Listen until `stop` is called."""
        while not self._stopping.is_set():
            try:
                self.start_threads()
            except DatabaseError as error:
                log.warning("Accounts to listen to can't be read: %s", type(error).__name__)
            finally:
                close_old_connections()
            self._stopping.wait(1)

    def stop(self) -> None:
        """Let go of all accounts. Calls are not waited for."""
        self._stopping.set()
        _let_go(list(self.threads))

    def start_threads(self) -> None:
        self.threads = {pk: thread for pk, thread in self.threads.items() if thread.is_alive()}
        free = _AT_MOST - len(self.threads)
        for account in _to_listen_to().exclude(pk__in=list(self.threads))[: max(0, free)]:
            if following.is_possible(account) and _claim(account):
                thread = threading.Thread(target=self._listen, args=(account.pk,), daemon=True)
                self.threads[account.pk] = thread
                thread.start()

    def _listen(self, account_id: int) -> None:
        try:
            while not self._stopping.is_set() and (account := _still_ours(account_id)):
                began = time.monotonic()
                if _hold(account):
                    self._wait_until_read(account)
                elif time.monotonic() - began < 1:
                    # The provider holds no more calls of this handle.
                    self._stopping.wait(_PAUSE_S)
        except (ApiError, AccountStoppedError, NoAllowanceError, redis.RedisError, DatabaseError) as error:
            log.info("Listening to account %d ended: %s", account_id, type(error).__name__)
            connection.close()
            # Rounds tell whether its endpoint is away.
            with suppress(DatabaseError):
                _let_go([account_id])
            self._stopping.wait(_PAUSE_S)
        finally:
            connection.close()

    def _wait_until_read(self, account: Account) -> None:
        unread = Account.objects.filter(pk=account.pk, changes_cursor=account.changes_cursor)
        deadline = time.monotonic() + _READ_WITHIN_S
        pause_s = _FIRST_LOOK_S
        while not self._stopping.wait(pause_s) and unread.exists() and time.monotonic() < deadline:
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def _let_go(account_ids: list[int]) -> None:
    """Give up the claims on these accounts, so that rounds or another listener take over at once."""
    now = timezone.now()
    Account.objects.filter(pk__in=account_ids).update(listening_until=None, round_due_at=now, track_due_at=now)


def _to_listen_to() -> QuerySet[Account]:
    accounts = Account.objects.filter(trouble="", endpoint__away_since=None).exclude(changes_cursor="")
    is_free = Q(listening_until=None) | Q(listening_until__lt=timezone.now())
    return accounts.filter(is_free).select_related("endpoint", "team").order_by("pk")


def _claim(account: Account) -> bool:
    return bool(
        Account.objects.filter(pk=account.pk, listening_until=account.listening_until).update(
            listening_until=_claimed_until()
        )
    )


def _wait_s() -> int:
    return max(1, min(WAIT_S, int(settings.API_READ_TIMEOUT_S) - _ANSWER_WITHIN_S))


def _claimed_until() -> datetime:
    return timezone.now() + timedelta(seconds=WAIT_S) + _CLAIM_SPARE


def _still_ours(account_id: int) -> Account | None:
    """The account afresh, its claim extended and its next round put off; None when it can't be followed any more."""
    now, until = timezone.now(), _claimed_until()
    account = Account.objects.select_related("endpoint", "team").get(pk=account_id)
    if account.listening_until is None:
        # `stop` has let go of it.
        return None
    if account.trouble or account.endpoint.away_since or not following.is_followed(account):
        Account.objects.filter(pk=account_id).update(listening_until=None)
        return None
    if not Account.objects.filter(pk=account_id, listening_until=account.listening_until).update(listening_until=until):
        return None
    # What is due already, and a full re-read that is due soon, stay.
    waiting = Account.objects.filter(pk=account_id, round_due_at__gt=now, reread_due_at__gt=until)
    waiting.update(round_due_at=until)
    return account


def _hold(account: Account) -> bool:
    """Wait for what changes after the account's cursor, and have it read. False when nothing has."""
    session = client_for(account, Priority.TRACKING)
    cursor = account.changes_cursor
    # No connection is kept while nothing is to be read or written.
    connection.close()
    asked_at = timezone.now()
    answer = session.hold(lambda client: client.changes(cursor, _wait_s()))
    if answer.changes or answer.more:
        enqueue(Job.TRACK, account.pk)
        return True
    if Account.objects.filter(pk=account.pk, changes_cursor=cursor).exists():
        following.confirm(account, asked_at)
    return False
