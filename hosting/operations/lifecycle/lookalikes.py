"""The provider's operations that may be one of ours whose answer did not come."""

from collections.abc import Collection
from datetime import datetime, timedelta

from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import OperationDetails, OperationFilter
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import listing
from hosting.operations.models.operation import Operation

# The offset of the provider's clock is known to a second, and its times have whole seconds.
_CLOCK_MARGIN = timedelta(seconds=2)


def find(session: ApiSession, operation: Operation, sent_at: datetime) -> list[OperationDetails]:
    """The provider's operations that may be this one and are not matched yet, oldest first.

    Nothing bounds the search from above: a call may lie in a queue and be carried out long after it was made.

    Raises:
        hosting.api.ApiError: the list could not be read.
    """
    wanted = OperationFilter(type=operation.kind, created_after=_earliest(session.account, sent_at))
    ids = listing.find(session, wanted)
    matched = matched_ids(operation, ids)
    details = [_details(session, remote_id) for remote_id in ids if remote_id not in matched]
    return sorted((each for each in details if may_be(operation, each)), key=lambda each: each.id)


def may_be(operation: Operation, details: OperationDetails) -> bool:
    """Whether a provider's operation may be this one: nothing differs, and no person has said that it isn't."""
    kind = catalogue.load(operation.kind, operation.params)
    return kind.fits(details) and details.id not in operation.problem.get("ruled_out", [])


def is_created_after_call(operation: Operation, details: OperationDetails) -> bool:
    """Whether the provider created its operation after the call of ours, by the provider's clock."""
    if operation.sent_at is None or details.date_created is None:
        return False
    return details.date_created >= _earliest(operation.account, operation.sent_at)


def list_again(operation: Operation) -> None:
    """Have the next poll list what the provider has done since the call: more of it may be external now."""
    if operation.sent_at is not None:
        since = _earliest(operation.account, operation.sent_at)
        Account.objects.filter(pk=operation.account_id, operations_cursor__gt=since).update(operations_cursor=since)


def matched_ids(operation: Operation, ids: Collection[int]) -> set[int | None]:
    """Which of these provider's operations are matched with one of ours already."""
    matched = Operation.objects.filter(account=operation.account_id, origin=Operation.Origin.PANEL, remote_id__in=ids)
    return set(matched.values_list("remote_id", flat=True))


def _earliest(account: Account, sent_at: datetime) -> datetime:
    """The earliest time that the provider may give what it did for a call, by its own clock."""
    return sent_at + account.clock_offset - _CLOCK_MARGIN


def _details(session: ApiSession, remote_id: int) -> OperationDetails:
    return session.call(lambda client: client.operation_details(remote_id))
