"""The requester of a plan or a bulk action, before each of its steps: whether they could still ask for it."""

from typing import Any, Protocol

from hosting.accounts.models import Account
from hosting.operations.models.requesters import Requested
from hosting.teams.access.policy import Denial
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.tokens.use import KeptOutError, as_requester

MEMBER_LEFT, NOT_ALLOWED = "member_left", "not_allowed"
# Why work ends because of its requester, which the audit log has.
REASONS = frozenset({MEMBER_LEFT, NOT_ALLOWED, Denial.TWO_FACTOR.value, Denial.NETWORK.value})


class Continuing(Requested, Protocol):
    """A plan or a bulk action."""

    pk: int
    account: Account
    account_id: int
    requested_by_id: int | None
    requested_through_id: int | None
    requested_from: str


class RequesterRefusedError(Exception):
    """The requester could not ask for the next step now; `reason` is one of `REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def present_requester(work: Continuing) -> Membership:
    """The requester, with their present permissions.

    Raises:
        RequesterRefusedError: they have left, or a policy of the team keeps them out.
    """
    try:
        member = as_requester(
            team_id=work.account.team_id,
            person_id=work.requested_by_id,
            token_id=work.requested_through_id,
            address=work.requested_from or None,
        )
    except KeptOutError as kept_out:
        raise RequesterRefusedError(kept_out.denial.value) from None
    if member is None:
        raise RequesterRefusedError(MEMBER_LEFT)
    return member


def record_stop(
    work: Continuing, *, action: str, subject: str, before: str, after: str, reason: str, **detail: Any
) -> None:
    """Record in the audit log that work has stopped because of its requester; nothing for other reasons.

    `action` is "plan.stopped" or "bulk.stopped", `before` and `after` are the states of the work.
    """
    if reason not in REASONS:
        return
    about: dict[str, Any] = {action.partition(".")[0]: work.pk, **detail}
    record(
        work.account.team_id,
        by=None,
        action=action,
        subject=subject,
        account=work.account_id,
        before={"state": before},
        after={"state": after},
        outcome="refused",
        reason=reason,
        **about,
    )
