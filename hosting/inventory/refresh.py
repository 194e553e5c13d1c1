"""A member's wish to see the provider's state now."""

from hosting.accounts.models import Account
from hosting.jobs import Job
from hosting.jobs import ask as ask_job
from hosting.teams.models import Membership
from hosting.teams.roles import Permission


def ask(account: Account, *, by: Membership) -> None:
    """Ask for a round of this account's mirror, money and products included.

    Raises:
        NotAllowedError: when the member may not see it.
    """
    by.require(Permission.VIEW)
    ask_job(Job.REFRESH, account.pk, 1)
