"""A member's wish to see the provider's state now."""

import redis

from hosting.accounts.models import Account
from hosting.accounts.store import connection
from hosting.jobs import Job
from hosting.jobs import ask as ask_job
from hosting.teams.models import Membership
from hosting.teams.roles import Permission

# Wishes for one account within this time are one: nobody fills the queue that all teams wait in.
_TOGETHER_S = 3


def ask(account: Account, *, by: Membership) -> None:
    """Ask for a round of this account's mirror, money and products included.

    Raises:
        NotAllowedError: when the member may not see it.
    """
    by.require(Permission.VIEW)
    if _is_first(account.pk):
        ask_job(Job.REFRESH, account.pk, 1)


def _is_first(account_id: int) -> bool:
    try:
        return bool(connection().set(f"refresh:{account_id}", "1", nx=True, ex=_TOGETHER_S))
    except redis.RedisError:
        return True
