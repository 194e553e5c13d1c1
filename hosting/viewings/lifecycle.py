"""Open and close consoles in the audit log, whatever happens to the process that holds the connection."""

from collections.abc import Collection
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from hosting import leases
from hosting.accounts.models import Account
from hosting.teams.audit.log import record, write
from hosting.teams.models import Membership
from hosting.teams.request_origin import Origin
from hosting.teams.roles import Permission
from hosting.viewings.models import Viewing

# Open consoles of one person. Each is a connection of the panel and one of the provider.
MOST_OF_A_PERSON = 10
# As much of a session's stored name as the audit log has.
_SESSION_SHOWN = 16
# Consoles closed in one sweep; the rest wait for the next one.
_BATCH = 100


class TooManyOpenError(Exception):
    """The person has `MOST_OF_A_PERSON` consoles open."""


class End(StrEnum):
    """Why a console was closed. The page has words for each, and the audit log too."""

    # The tab was closed, or "Disconnect" was pressed.
    LEFT = "left"
    # The server was stopped, or does not run.
    STOPPED = "stopped"
    # The server is not there any more.
    GONE = "gone"
    IDLE = "idle"
    # The session, the membership or the permission ended.
    ACCESS = "access"
    # The account's credentials do not work.
    CREDENTIALS = "credentials"
    # The provider's host of the server does not answer.
    HOST_AWAY = "host_away"
    # The provider does not answer.
    NO_ANSWER = "no_answer"
    # The provider opens no console.
    REFUSED = "refused"
    # Too many calls to the provider, or too many consoles.
    BUSY = "busy"
    # The panel's console process ended.
    RESTART = "restart"
    # The connection to the browser or to the provider was lost.
    LOST = "lost"


def has_too_many(member: Membership) -> bool:
    """Whether the person can open no more consoles."""
    return Viewing.objects.filter(user=member.user_id).count() >= MOST_OF_A_PERSON


def begin(*, by: Membership, account: Account, vm_remote_id: int, subject: str, session: str) -> Viewing:
    """Record that a member opens the console of a server. `session` is the stored name of theirs.

    The row is claimed by nobody yet: if the connection is not taken over within a lease, the sweep closes it.

    Raises:
        NotAllowedError: the member lacks the permission for consoles.
        TooManyOpenError: they have too many open.
    """
    by.require(Permission.CONSOLE, account)
    if has_too_many(by):
        raise TooManyOpenError
    with transaction.atomic():
        viewing = Viewing.objects.create(
            team=by.team,
            account=account,
            vm_remote_id=vm_remote_id,
            subject=subject[:255],
            user=by.person,
            actor_name=str(by.person or "")[:254],
            address=by.via.address,
            session=session,
            claimed_until=leases.until(),
        )
        record(
            by.team,
            by=by,
            action="console.opened",
            subject=subject,
            account=account.pk,
            thing=f"vm:{vm_remote_id}",
        )
    return viewing


def end(viewing: Viewing, why: End) -> bool:
    """Record that a console was closed. False when that is recorded already."""
    with transaction.atomic():
        deleted, _rows = Viewing.objects.filter(pk=viewing.pk).delete()
        if deleted:
            write(
                viewing.team_id,
                via=Origin(address=viewing.address, session=viewing.session[:_SESSION_SHOWN]),
                actor_id=viewing.user_id,
                actor_name=viewing.actor_name,
                action="console.closed",
                subject=viewing.subject,
                account_id=viewing.account_id,
                thing=f"vm:{viewing.vm_remote_id}",
                detail={"reason": why.value, "seconds": _seconds(viewing)},
            )
    return bool(deleted)


def renew(pks: Collection[int]) -> None:
    """Renew the leases of open consoles."""
    Viewing.objects.filter(pk__in=pks).update(claimed_until=leases.until())


def sweep() -> None:
    """Close what the process that held the connection has left behind."""
    for viewing in Viewing.objects.filter(leases.lapsed()).order_by("pk")[:_BATCH]:
        # It may have been renewed meanwhile. Then its process finds no row, and closes the connection.
        end(viewing, End.LOST)


def _seconds(viewing: Viewing) -> int:
    return max(0, int((timezone.now() - viewing.opened_at).total_seconds()))
