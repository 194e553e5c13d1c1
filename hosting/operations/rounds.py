"""Reading rounds: how the mirror of an account is kept up to date.

`MIRROR_ROUND_S` says how often a round reads the lists, `MIRROR_REREAD_S` how often it reads every object again.
The sweep starts a round when it is due; `watch` polls open operations between two rounds.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.inventory import mirror, samples
from hosting.inventory.reading import ALL_ACCOUNT_DATA, AccountData
from hosting.operations.costs import observed
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.lifecycle import track
from hosting.operations.models.states import State

# Rounds at once in one process, and of one login: they wait for the rate limit, and must not take every thread.
_AT_ONCE, _AT_ONCE_OF_LOGIN = 6, 3
_under_way: Counter[tuple[int, str]] = Counter()
_counting = threading.Lock()

# If the worker of a round dies, another one may claim the account after this many seconds.
CLAIM_S = 30
_RETRY_S = 2
# A change of the balance is attributed once a later poll has seen everything up to it (`track`, `_CURSOR_MARGIN`).
_COST_S = 6
# A round does not poll operations that were polled this recently.
_WATCHED_WITHIN = timedelta(seconds=5)


@contextmanager
def slot(account: Account) -> Iterator[bool]:
    """Whether a round of the account may begin now; it counts while the block runs."""
    login = (account.endpoint_id, account.login)
    with _counting:
        is_free = _under_way.total() < _AT_ONCE and _under_way[login] < _AT_ONCE_OF_LOGIN
        if is_free:
            _under_way[login] += 1
    try:
        yield is_free
    finally:
        if is_free:
            with _counting:
                _under_way[login] -= 1


def round_of(account: Account, *, with_info: bool = False) -> None:
    """Run one reading round: poll operations, read the lists, and read again what is new, changed, gone or too old.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: the round stops there; the next one continues.
    """
    now = timezone.now()
    reread = account.reread_due_at is None or account.reread_due_at <= now
    session = client_for(account, Priority.MIRROR)
    is_first = account.mirrored_at is None
    if reread or is_first:
        extensions.read(session)
        mirror.read_os_images(session)
    moved = not _is_watched(account, now) and track.poll(session)
    before = now - timedelta(seconds=settings.MIRROR_REREAD_S) if reread else None
    mirror.sweep(
        session, explained=by_operations(account), reread_before=before, on_progress=partial(_keep_claim, account)
    )
    if is_first or reread or moved or with_info or observed.is_money_moving(account):
        facts = ALL_ACCOUNT_DATA if is_first or reread else AccountData.CAPACITY | AccountData.BALANCE
        mirror.refresh(session, facts=facts, explained=by_operations(account))
    if reread:
        samples.thin(account, now)
    mirror.finish_round(
        account, next_s=settings.MIRROR_ROUND_S, reread_s=settings.MIRROR_REREAD_S, reread=reread or is_first
    )


def _is_watched(account: Account, now: datetime) -> bool:
    """Whether `watch` is polling the account's operations already, because some are open."""
    looked_at = account.operations_read_at
    is_recent = looked_at is not None and looked_at > now - _WATCHED_WITHIN
    return is_recent and account.operations.filter(state=State.TRACKED).exists()


def _keep_claim(account: Account) -> None:
    """Extend the claim of a long round, so that no second round starts beside it."""
    Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now() + timedelta(seconds=CLAIM_S))


def watch(account: Account) -> None:
    """Poll the operations of an account that has open ones, and schedule the next poll.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: nothing is lost; the sweep schedules another poll.
    """
    try:
        track.poll(client_for(account, Priority.TRACKING))
        if observed.is_cost_pending(account):
            _bring_round_forward(account, _COST_S)
    finally:
        Account.objects.filter(pk=account.pk).update(track_due_at=track.next_poll_at(account))


def _bring_round_forward(account: Account, seconds: float) -> None:
    due_at = timezone.now() + timedelta(seconds=seconds)
    Account.objects.filter(pk=account.pk, round_due_at__gt=due_at).update(round_due_at=due_at)


def retry_round_soon(account: Account) -> None:
    """Schedule the next round early, after one that could not finish."""
    Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now() + timedelta(seconds=_RETRY_S))
