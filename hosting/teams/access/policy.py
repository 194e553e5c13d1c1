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
    """What keeps a member out of their team's pages."""

    # The request comes from a network that the team has not named.
    NETWORK = "network"
    # The last proof of identity is older than the team takes.
    SESSION = "session"
    # The time to set up a second factor is over.
    TWO_FACTOR = "two_factor"


@dataclass(frozen=True)
class Policy:
    """The rules of a team. Without any, as by default, everybody with a membership comes in."""

    # Since when a second factor is required, and how many days members have to set one up.
    two_factor_since: datetime | None = None
    grace_days: int = 0
    # Hours from one proof of identity to the next; None leaves it to the panel.
    session_hours: int | None = None
    networks: tuple[Network, ...] = ()
    quiet: QuietHours | None = None


@dataclass(frozen=True)
class RequestDetails:
    """What is known of a request and of who makes it. `signed_in_at` is the last proof of identity, if any is known."""

    now: datetime
    address: str
    signed_in_at: datetime | None
    has_second_factor: bool


def denial(policy: Policy, joined_at: datetime, details: RequestDetails) -> Denial | None:
    """What keeps somebody who joined at `joined_at` out, if anything does; first what they can do least about."""
    if network_denial(policy, details.address):
        return Denial.NETWORK
    if session_is_over(policy, details):
        return Denial.SESSION
    return second_factor_denial(policy, joined_at, has_second_factor=details.has_second_factor, now=details.now)


def network_denial(policy: Policy, address: str) -> Denial | None:
    """Whether the address that a request comes from keeps it out, whoever makes it."""
    return None if networks.allows(policy.networks, address) else Denial.NETWORK


def session_is_over(policy: Policy, details: RequestDetails) -> bool:
    """Whether the last proof of identity is too old; one that nobody knows of is."""
    if policy.session_hours is None:
        return False
    if details.signed_in_at is None:
        return True
    return details.signed_in_at + timedelta(hours=policy.session_hours) <= details.now


def second_factor_denial(
    policy: Policy, joined_at: datetime, *, has_second_factor: bool, now: datetime
) -> Denial | None:
    """Whether the time to set up a second factor is over for a member without one."""
    until = grace_until(policy, joined_at, has_second_factor=has_second_factor)
    return Denial.TWO_FACTOR if until is not None and until <= now else None


def grace_until(policy: Policy, joined_at: datetime, *, has_second_factor: bool) -> datetime | None:
    """Until when a member without a second factor comes in all the same, counted from the later of the policy's
    beginning and their joining; None when nothing is asked of them.
    """
    if policy.two_factor_since is None or has_second_factor:
        return None
    return max(policy.two_factor_since, joined_at) + timedelta(days=policy.grace_days)
