"""Whether a team's rules let a request in. Pure: whoever asks gathers the facts.

The web asks `bar` in one place (`web/door.py`), API tokens ask `network_bar` and `second_factor_bar`, and deletes ask
`Policy.quiet`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from hosting.teams.access import networks
from hosting.teams.access.networks import Network
from hosting.teams.access.quiet_hours import QuietHours


class Bar(StrEnum):
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
class Facts:
    """What is known of a request and of who makes it. `signed_in_at` is the last proof of identity, if any is known."""

    now: datetime
    address: str
    signed_in_at: datetime | None
    has_second_factor: bool


def bar(policy: Policy, joined_at: datetime, facts: Facts) -> Bar | None:
    """What keeps somebody who joined at `joined_at` out, if anything does; first what they can do least about."""
    if network_bar(policy, facts.address):
        return Bar.NETWORK
    if session_is_over(policy, facts):
        return Bar.SESSION
    return second_factor_bar(policy, joined_at, has_second_factor=facts.has_second_factor, now=facts.now)


def network_bar(policy: Policy, address: str) -> Bar | None:
    """Whether the address that a request comes from keeps it out, whoever makes it."""
    return None if networks.allows(policy.networks, address) else Bar.NETWORK


def session_is_over(policy: Policy, facts: Facts) -> bool:
    """Whether the last proof of identity is too old; one that nobody knows of is."""
    if policy.session_hours is None:
        return False
    if facts.signed_in_at is None:
        return True
    return facts.signed_in_at + timedelta(hours=policy.session_hours) <= facts.now


def second_factor_bar(policy: Policy, joined_at: datetime, *, has_second_factor: bool, now: datetime) -> Bar | None:
    """Whether the time to set up a second factor is over for a member without one."""
    until = grace_until(policy, joined_at, has_second_factor=has_second_factor)
    return Bar.TWO_FACTOR if until is not None and until <= now else None


def grace_until(policy: Policy, joined_at: datetime, *, has_second_factor: bool) -> datetime | None:
    """Until when a member without a second factor comes in all the same, counted from the later of the policy's
    beginning and their joining; None when nothing is asked of them.
    """
    if policy.two_factor_since is None or has_second_factor:
        return None
    return max(policy.two_factor_since, joined_at) + timedelta(days=policy.grace_days)
