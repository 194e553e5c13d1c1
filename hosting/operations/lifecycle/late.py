"""Operations that turn up at the provider after they were given up (RELEASED).

A call may lie in a queue long after nobody waits for its answer: in a socket's backlog, or behind a proxy. It carries
a session, and no session lives longer than twelve hours. Until then a released operation can still come true, so
whatever the provider lists is compared with it.

Decision: docs/decisions/0029-released-operations-stay-under-watch.md
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.accounts.session_store import PROVIDER_LIFE
from hosting.accounts.sessions import ApiSession
from hosting.api import OperationDetails
from hosting.operations.lifecycle import conclude, lookalikes
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.audit.log import record

# A session may be new when the call is made, and a call that has begun may take a moment to end.
_WATCHED_FOR = PROVIDER_LIFE + timedelta(minutes=10)
_UNKNOWN: Mapping[str, int | None] = MappingProxyType({})


def can_turn_up(now: datetime) -> Q:
    """Released operations whose call may still be carried out."""
    return Q(state=State.RELEASED, origin=Operation.Origin.PANEL, sent_at__gt=now - _WATCHED_FOR)


def match(account: Account, details: OperationDetails) -> bool:
    """Match a provider's operation that nobody claims with a released one, the oldest first. False when none fits."""
    released = account.operations.filter(can_turn_up(timezone.now()), kind=details.type).order_by("sent_at", "pk")
    return any(
        adopt(each, details.id, details.objects)
        for each in released.select_related("account")
        if lookalikes.may_be(each, details) and lookalikes.is_created_after_call(each, details)
    )


def first_has_arrived(retry: Operation, session: ApiSession) -> bool:
    """Whether an earlier attempt has turned up by now, so that its retry must not be sent.

    Reads the provider's list when one of the earlier attempts may still turn up.

    Raises:
        hosting.api.ApiError: the list could not be read.
    """
    first = retry.retry_of
    while first is not None:
        if _has_arrived(first, retry, session):
            _stand_in(first, retry)
            return True
        first = first.retry_of
    return False


def _has_arrived(first: Operation, retry: Operation, session: ApiSession) -> bool:
    if first.late_at is not None:
        return first.late_at > retry.created_at
    if first.sent_at is None or not Operation.objects.filter(can_turn_up(timezone.now()), pk=first.pk).exists():
        return False
    return any(adopt(first, details.id, details.objects) for details in lookalikes.find(session, first, first.sent_at))


def adopt(operation: Operation, remote_id: int, objects: Mapping[str, int | None] = _UNKNOWN) -> bool:
    """Match a released operation with what has turned up. False when it is not released any more, or that is taken."""
    now = timezone.now()
    with transaction.atomic():
        # Before the operation and its account, in the order of `bulk.advance`.
        Bulk.objects.select_for_update(of=("self",), no_key=True).filter(rows__operation=operation).first()
        adopted = conclude.adopt(
            operation,
            State.RELEASED,
            remote_id,
            problem={},
            answered_at=now,
            finished_at=None,
            dismissed_at=None,
            late_at=now,
            **objects,
        )
        if adopted:
            _reopen_row(operation)
            record(
                operation.account.team_id,
                by=None,
                action="operation.arrived_late",
                subject=operation.subject,
                account=operation.account_id,
                thing=operation.target,
                operation=operation.pk,
                before={"state": State.RELEASED},
                after={"state": State.TRACKED},
                method=operation.kind,
            )
    return adopted


def _reopen_row(operation: Operation) -> None:
    """Have the bulk action of an operation wait for its end again."""
    if BulkRow.objects.filter(operation=operation, state=BulkRow.State.FAILED).update(state=BulkRow.State.RUNNING):
        Bulk.objects.filter(rows__operation=operation, state=Bulk.State.DONE).update(state=Bulk.State.RUNNING)


def _stand_in(first: Operation, retry: Operation) -> None:
    """Give the row of a bulk action the operation that has turned up, in place of the retry that is not sent."""
    BulkRow.objects.filter(operation=retry).update(operation=first)
