"""A member's wish to see the provider's state now."""

from collections.abc import Iterable

import redis

from hosting.accounts.models import Account
from hosting.accounts.store import connection
from hosting.inventory.models import Disk, Vm
from hosting.jobs import Job, enqueue
from hosting.teams.models import Membership
from hosting.teams.roles import Permission

# Wishes for one account within this time are one: nobody fills the queue that all teams wait in.
_TOGETHER_S = 3
# A provider that names no devices is not asked at every look.
_LINKS_AGAIN_S = 20


def request_round(account: Account, *, by: Membership) -> None:
    """Ask for a round of this account's mirror, money and products included.

    Raises:
        NotAllowedError: when the member may not see it.
    """
    by.require(Permission.VIEW, account)
    if _is_first(f"refresh:{account.pk}", _TOGETHER_S):
        enqueue(Job.REFRESH, account.pk, 1)


def request_links(vm: Vm, disks: Iterable[Disk]) -> None:
    """Somebody looks at a server: ask how its disks hang on it, unless that is known of all of them."""
    unnamed = any(disk.state == Disk.State.ATTACHED and not disk.device for disk in disks)
    if unnamed and _is_first(f"links:{vm.account_id}:{vm.remote_id}", _LINKS_AGAIN_S):
        enqueue(Job.READ_LINKS, vm.account_id, vm.remote_id)


def _is_first(wish: str, seconds: int) -> bool:
    try:
        return bool(connection().set(wish, "1", nx=True, ex=seconds))
    except redis.RedisError:
        return True
