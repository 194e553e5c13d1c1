"""How old the data is that pages show. Each number has the age of the reading that it comes from, and says so.

Lists of servers and disks, their details, and the account's balance and products are read at different times.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Disk, Vm

# If the worker of a round dies, another one may claim the account after this many seconds.
CLAIM_S = 30


@dataclass(frozen=True)
class Ages:
    """As of when the data of an account is known; None for what was not read yet.

    `lists` is the age of the lists of servers and disks, `details` that of the oldest server or disk, and `info` that
    of balance, capacity and products.
    """

    lists: datetime | None
    details: datetime | None
    info: datetime | None


def of(account: Account) -> Ages:
    """The ages of an account's data. No query when `info` is selected with the account."""
    info: AccountInfo | None = getattr(account, "info", None)
    return Ages(account.mirrored_at, account.details_at, info.read_at if info else None)


def details_of(row: Vm | Disk, account: Account) -> datetime:
    """As of when a server or disk is known."""
    confirmed = account.details_at
    return max(row.read_at, confirmed) if confirmed else row.read_at


def publish(account: Account) -> None:
    """Store the ages in Redis, so that open pages move them even if nothing else has changed."""
    account = Account.objects.select_related("info").get(pk=account.pk)
    ages = of(account)
    versions.record_ages(account.pk, (ages.lists, ages.details, ages.info))


def finish_round(account: Account, *, began: datetime) -> None:
    """Record a round that began then and has read the lists and the account's data, and schedule the next one.

    It answers every request of a member to sync that came before it began; a later one is due at once. While a
    listener waits for changes, the next round is due when its claim has run out.
    """
    now = timezone.now()
    next_at = now + timedelta(seconds=settings.MIRROR_ROUND_S)
    was_waited_for = Account.objects.filter(
        Q(mirrored_at=None) | Q(sync_requested_at__lte=began) | Q(unread_since__isnull=False), pk=account.pk
    ).exists()
    answered = Q(sync_requested_at=None) | Q(sync_requested_at__lte=began)
    Account.objects.filter(pk=account.pk).update(
        mirrored_at=began,
        unread_since=None,
        unread_problem={},
        round_due_at=Case(
            When(~answered, then=Value(now)),
            When(listening_until__gt=next_at, then=F("listening_until")),
            default=Value(next_at),
        ),
        sync_requested_at=Case(When(answered, then=None), default=F("sync_requested_at")),
    )
    publish(account)
    if was_waited_for:
        versions.bump(account.pk)


def confirm(account: Account, at: datetime) -> None:
    """Record that everything known of the account was unchanged at this moment."""
    Account.objects.filter(Q(mirrored_at=None) | Q(mirrored_at__lt=at), pk=account.pk).update(mirrored_at=at)
    Account.objects.filter(pk=account.pk, details_at__lt=at).update(details_at=at)
    AccountInfo.objects.filter(account=account, read_at__lt=at).update(read_at=at)
    publish(account)


def reread_everything(account: Account) -> None:
    """Have the next round read everything, and take a new cursor: what changed since the old one is not known."""
    now = timezone.now()
    Account.objects.filter(pk=account.pk, changes_cursor=account.changes_cursor).update(
        changes_cursor="", round_due_at=now, reread_due_at=now
    )


@contextmanager
def reread_if_due(account: Account, now: datetime) -> Iterator[datetime | None]:
    """Claim the full re-read of an account while the block runs: since when each object must have been read.

    None when it is not due. One that was broken off a short while ago is continued.
    """
    since = _claim_reread(account, now)
    try:
        yield since
    except BaseException:
        if since:
            Account.objects.filter(pk=account.pk, reread_since=since).update(reread_due_at=now)
        raise


def _claim_reread(account: Account, now: datetime) -> datetime | None:
    if account.reread_due_at and account.reread_due_at > now:
        return None
    longest = timedelta(seconds=settings.MIRROR_REREAD_S)
    since = account.reread_since if account.reread_since and account.reread_since > now - longest else now
    claimed = Account.objects.filter(pk=account.pk, reread_due_at=account.reread_due_at).update(
        reread_due_at=now + timedelta(seconds=CLAIM_S), reread_since=since
    )
    return since if claimed else None


def keep_claims(account: Account, *, rereading: bool) -> None:
    """Extend the claim of a long round, so that no second one starts beside it."""
    claim = timezone.now() + timedelta(seconds=CLAIM_S)
    columns = ["round_due_at", "reread_due_at"] if rereading else ["round_due_at"]
    Account.objects.filter(pk=account.pk).update(**dict.fromkeys(columns, claim))


def finish_reread(account: Account, since: datetime) -> None:
    """Record that every server and disk was read since then, and schedule the next full re-read."""
    Account.objects.filter(pk=account.pk).update(
        details_at=since,
        reread_since=None,
        reread_due_at=timezone.now() + timedelta(seconds=settings.MIRROR_REREAD_S),
    )
    publish(account)
