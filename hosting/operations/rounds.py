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

from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession, client_for
from hosting.inventory import ages, figures, mirror, samples
from hosting.inventory.reading import ALL_ACCOUNT_DATA, AccountData
from hosting.operations import following
from hosting.operations.costs import observed
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.lifecycle import polling, track

# Rounds at once in one process, and of one login: they wait for the rate limit, and must not take every thread.
_AT_ONCE, _AT_ONCE_OF_LOGIN = 6, 3
_under_way: Counter[tuple[int, str]] = Counter()
_counting = threading.Lock()

_RETRY_S = 2
# A change of the balance is attributed once a later poll has seen everything up to it (`track`, `_CURSOR_MARGIN`).
_COST_S = 6


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


def round_of(account: Account) -> None:
    """Run one reading round: everything that has changed is read, and everything that was not read for long.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: the round stops there; the next one continues.
    """
    began = timezone.now()
    with ages.reread_if_due(account, began) as since:
        session = client_for(account, Priority.MIRROR)
        if since is None and following.is_followed(account):
            if following.catch_up(session):
                ages.finish_round(account, began=began)
            else:
                retry_round_soon(account)
        else:
            _read_lists(session, began, reread_since=since)
    _learn_costs_soon(account)


def _read_lists(session: ApiSession, began: datetime, *, reread_since: datetime | None) -> None:
    """Poll operations, read the lists, the account's data, and what is new, changed or too old."""
    account = session.account
    data = AccountData.CAPACITY | AccountData.BALANCE
    if reread_since or account.mirrored_at is None:
        extensions.read(session)
        mirror.read_os_images(session)
        data = ALL_ACCOUNT_DATA
    cursor = following.begin(session) if reread_since and following.is_possible(account) else ""
    polling.poll(session)
    on_progress = partial(ages.keep_claims, account, rereading=reread_since is not None)
    mirror.sweep(session, explained=by_operations(account), on_progress=on_progress)
    mirror.refresh(session, facts=data, explained=by_operations(account))
    ages.finish_round(account, began=began)
    if reread_since:
        mirror.reread(session, since=reread_since, explained=by_operations(account), on_progress=on_progress)
        samples.thin(account, began)
        figures.forget_old(account, began)
        ages.finish_reread(account, reread_since)
        following.store(account, cursor)


def watch(account: Account) -> None:
    """Read what has become of the operations of an account that has open ones, and schedule the next look.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: nothing is lost; another look is scheduled.
    """
    told_until = None
    try:
        session = client_for(account, Priority.TRACKING)
        if not following.is_followed(account):
            polling.poll(session)
        elif following.catch_up(session):
            # While a listener waits for changes, its next answer is the next look.
            told_until = Account.objects.values_list("listening_until", flat=True).get(pk=account.pk)
        else:
            retry_round_soon(account)
        _learn_costs_soon(account)
    except Exception:
        if following.is_followed(account):
            # What was named is not read yet, and perhaps no operation is open that would have it read.
            retry_round_soon(account)
        raise
    finally:
        Account.objects.filter(pk=account.pk).update(track_due_at=track.next_look_at(account, told_until=told_until))


def _learn_costs_soon(account: Account) -> None:
    if observed.is_cost_pending(account):
        _bring_round_forward(account, _COST_S)


def _bring_round_forward(account: Account, seconds: float) -> None:
    due_at = timezone.now() + timedelta(seconds=seconds)
    Account.objects.filter(pk=account.pk, round_due_at__gt=due_at).update(round_due_at=due_at)


def retry_round_soon(account: Account) -> None:
    """Schedule the next round early, after one that could not finish."""
    Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now() + timedelta(seconds=_RETRY_S))
