"""One round over an account: its operations, its lists, and what is new, gone, touched or too old."""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.inventory import mirror, samples
from hosting.inventory.reading import ALL_FACTS, Fact
from hosting.operations.costs import observed
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.lifecycle import track
from hosting.operations.models.states import State

# A claimed account whose worker died is claimed again after this.
CLAIM_S = 30
_RETRY_S = 5
# Operations that were looked at so shortly ago are not looked at by a round too.
_WATCHED_WITHIN = timedelta(seconds=5)


def round_of(account: Account, *, with_info: bool = False) -> None:
    """Look over one account: its operations, its lists, and what is new, gone, touched or too old.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: the round ends there; the next one goes on.
    """
    now = timezone.now()
    reread = account.reread_due_at is None or account.reread_due_at <= now
    session = client_for(account, Priority.MIRROR)
    is_first = account.mirrored_at is None
    if reread or is_first:
        mirror.read_os_images(session)
    moved = not _is_watched(account, now) and track.poll(session)
    before = now - timedelta(seconds=settings.MIRROR_REREAD_S) if reread else None
    mirror.sweep(
        session, explained=by_operations(account), reread_before=before, still_here=partial(_keep_claim, account)
    )
    if is_first or reread or moved or with_info or observed.is_money_moving(account):
        facts = ALL_FACTS if is_first or reread else Fact.CAPACITY | Fact.BALANCE
        mirror.refresh(session, facts=facts, explained=by_operations(account))
    if reread:
        samples.thin(account, now)
    mirror.finish_round(
        account, next_s=settings.MIRROR_ROUND_S, reread_s=settings.MIRROR_REREAD_S, reread=reread or is_first
    )


def _is_watched(account: Account, now: datetime) -> bool:
    """Whether somebody looks at its operations every moment, because some are open."""
    looked_at = account.operations_read_at
    is_recent = looked_at is not None and looked_at > now - _WATCHED_WITHIN
    return is_recent and account.operations.filter(state=State.TRACKED).exists()


def _keep_claim(account: Account) -> None:
    """A long round is still at work: nobody else begins one."""
    Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now() + timedelta(seconds=CLAIM_S))


def watch(account: Account) -> None:
    """Look at the operations of an account that has open ones, and say when to look again.

    Raises:
        hosting.api.ApiError, AccountStoppedError, NoAllowanceError: nothing is lost; the sweep asks again.
    """
    try:
        track.poll(client_for(account, Priority.TRACKING))
    finally:
        Account.objects.filter(pk=account.pk).update(track_due_at=track.next_poll_at(account))


def retry_round_soon(account: Account) -> None:
    """After a round that could not end: the next one comes early."""
    Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now() + timedelta(seconds=_RETRY_S))
