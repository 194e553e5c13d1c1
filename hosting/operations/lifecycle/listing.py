"""Read the provider's list of operations: what has changed since a moment. One call for each 300 operations."""

from dataclasses import replace
from datetime import datetime

from hosting.accounts.sessions import ApiSession
from hosting.api import OperationFilter
from hosting.operations.models.states import State

# The most ids that `operation_list` returns (contract, Operations).
PAGE = 300

# The provider's final states, and ours.
ENDED = {"DONE": State.DONE, "ERROR": State.FAILED, "CANCEL": State.CANCELLED}


def find(session: ApiSession, wanted: OperationFilter) -> set[int]:
    """The ids of all matching operations. After a full page, continue with those created no later than its oldest.

    Raises:
        hosting.api.ApiError: the list could not be read.
    """
    found: set[int] = set()
    while True:
        page = set(_page(session, wanted))
        if len(page) < PAGE or page <= found:
            # A full page without a new id: more than 300 were created in one second. The rest is found later, when
            # open operations are read again.
            return found | page
        found |= page
        oldest = _created(session, min(page))
        if oldest is None:
            return found
        wanted = replace(wanted, created_before=oldest)


def moved_since(session: ApiSession, since: datetime) -> set[int]:
    """The ids of operations created or changed since then, by the provider's clock.

    Raises:
        hosting.api.ApiError: the list could not be read.
    """
    return find(session, OperationFilter(updated_after=since))


def ended_since(session: ApiSession, since: datetime) -> dict[int, State]:
    """The final states of operations that ended since then. Three calls, plus one for each further 300.

    Raises:
        hosting.api.ApiError: a list could not be read.
    """
    return {
        remote_id: ours
        for theirs, ours in ENDED.items()
        for remote_id in find(session, OperationFilter(state=theirs, updated_after=since))
    }


def _page(session: ApiSession, wanted: OperationFilter) -> list[int]:
    return session.call(lambda client: client.operation_list(wanted))


def _created(session: ApiSession, remote_id: int) -> datetime | None:
    return session.call(lambda client: client.operation_details(remote_id)).date_created
