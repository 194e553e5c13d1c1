"""Whether a team's policies admit a request. Pure: the caller gathers the details.

The web calls `denial` in one place (`web.access.team_policies`), API tokens call `network_denial` and
`second_factor_denial`, and deletes check `Policy.quiet`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hosting.teams.access import networks
from hosting.teams.access.networks import Network
from hosting.teams.access.quiet_hours import QuietHours


class Denial(StrEnum):
    """Why a team's policies deny a request."""

    # The request comes from a network that the team has not allowed.
    NETWORK = "network"
    # The last authentication is older than the team accepts.
    SESSION = "session"
    # The time to set up a second factor is over.
    TWO_FACTOR = "two_factor"


@dataclass(frozen=True)
class Policy:
    """The policies of a team. By default there are none, and every member has access."""

    # Since when two-factor authentication is required, and how many days members have to set it up.
    two_factor_since: datetime | None = None
    grace_days: int = 0
    # Hours from one authentication to the next; None for the panel's own limit.
    session_hours: int | None = None
    networks: tuple[Network, ...] = ()
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class RequestDetails:
    """A request and its user, as far as policies need them. `signed_in_at` is the last authentication, if known."""

    now: datetime
    address: str
    signed_in_at: datetime | None
    has_second_factor: bool


def denial(policy: Policy, joined_at: datetime, details: RequestDetails) -> Denial | None:
    """Why a member who joined at `joined_at` is denied access; None when they have it.

    Of several reasons, the one that the member can do least about comes first.
    """
    if network_denial(policy, details.address):
        return Denial.NETWORK
    if session_is_over(policy, details):
        return Denial.SESSION
    return second_factor_denial(policy, joined_at, has_second_factor=details.has_second_factor, now=details.now)


def network_denial(policy: Policy, address: str) -> Denial | None:
    """Why a request from this address is denied, whoever makes it; None when it is allowed."""
    return None if networks.allows(policy.networks, address) else Denial.NETWORK


def session_is_over(policy: Policy, details: RequestDetails) -> bool:
    """Whether the last authentication is too old, or unknown while there is a limit."""
    if policy.session_hours is None:
        return False
    if details.signed_in_at is None:
        return True
    return details.signed_in_at + timedelta(hours=policy.session_hours) <= details.now


def second_factor_denial(
    policy: Policy, joined_at: datetime, *, has_second_factor: bool, now: datetime
) -> Denial | None:
    """Why a member without a second factor is denied: their time to set one up is over. None while it is not."""
    until = grace_until(policy, joined_at, has_second_factor=has_second_factor)
    return Denial.TWO_FACTOR if until is not None and until <= now else None


def grace_until(policy: Policy, joined_at: datetime, *, has_second_factor: bool) -> datetime | None:
    """When the grace period of a member without a second factor ends; None when no second factor is required.

    It starts when the policy was set or when the member joined, whichever is later.
    """
    if policy.two_factor_since is None or has_second_factor:
        return None
    return max(policy.two_factor_since, joined_at) + timedelta(days=policy.grace_days)
