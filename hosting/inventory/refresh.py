"""Read the provider's state now because a member wants to see it."""

from collections.abc import Iterable
from contextlib import suppress

import redis
from django.db import transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.store import connection
from hosting.inventory.models import Disk, Vm
from hosting.jobs import Job, enqueue
from hosting.teams.models import Membership
from hosting.teams.roles import Permission

# Requests for one account within this time are merged, so that nobody can fill the queue that all teams share.
_TOGETHER_S = 3
# For providers that report no devices: how long pages of the same server don't ask again.
_LINKS_AGAIN_S = 20


def request_round(account: Account, *, by: Membership) -> None:
    """Request a mirror round of this account. Pages show that it is under way until one has ended that began later.

    Raises:
        NotAllowedError: when the member may not see it.
    """
    by.require(Permission.VIEW, account)
    if _is_first(f"refresh:{account.pk}", _TOGETHER_S):
        now = timezone.now()
        with transaction.atomic():
            # The next sweep queues the round.
            Account.objects.filter(pk=account.pk).update(sync_requested_at=now, round_due_at=now)
            versions.bump(account.pk)


def request_links(vm: Vm, disks: Iterable[Disk]) -> None:
    """Request the positions and devices of a server's disks, unless they are all known. For the server's page."""
    unnamed = any(disk.state == Disk.State.ATTACHED and not disk.device for disk in disks)
    if unnamed and _is_first(_links_key(vm.account_id, vm.remote_id), _LINKS_AGAIN_S):
        enqueue(Job.READ_LINKS, vm.account_id, vm.remote_id)


def links_not_read(account: Account, vm_id: int) -> None:
    """Have open pages of the server ask again."""
    with suppress(redis.RedisError):
        connection().delete(_links_key(account.pk, vm_id))
    versions.bump(account.pk)


def request_figures(vm: Vm, again_s: int) -> None:
    """Request what a server uses, once in `again_s` seconds however many look at it."""
    if _is_first(f"figures:{vm.account_id}:{vm.remote_id}", again_s):
        enqueue(Job.READ_FIGURES, vm.account_id, vm.remote_id)


def _links_key(account_id: int, vm_id: int) -> str:
    return f"links:{account_id}:{vm_id}"


def _is_first(key: str, seconds: int) -> bool:
    try:
        return bool(connection().set(key, "1", nx=True, ex=seconds))
    except redis.RedisError:
        return True
