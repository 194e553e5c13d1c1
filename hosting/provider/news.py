"""What has changed of what a hosting account has, for `sharedeck.changes` (contract, Extensions).

Whatever changes something that a client can read notes it here, in the transaction of the change. Each object has one
row, whose number grows with each of its changes. The numbers of an account are drawn from its own locked row: a lower
number can't become visible after a higher one, and so a cursor misses nothing. A sequence of the database would not do:
its numbers are handed out before transactions end, in any order.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

import redis
from django.conf import settings
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from hosting.provider.models import ChangedObject, HostingAccount, Operation
from redis_connections.connection import Pool

# The channel on which waiting calls learn that an account has news; a message is the account's primary key.
CHANNEL = f"{settings.REDIS_PREFIX}changes"
# A client that asks later than this reads everything anew.
KEPT_FOR = timedelta(days=7)

Type = ChangedObject.Type
Named = tuple[str, int]

# What changes nothing of the account, and nothing of a VM or disk before it is done.
_MOVES = frozenset({"vm_start", "vm_stop", "vm_reboot", "disk_attach", "disk_detach"}) | {
    "sharedeck.vm_rename",
    "sharedeck.vm_reinstall",
    "sharedeck.ip_reverse",
}
_CREATES = frozenset({"vm_create", "disk_create"})

_redis = redis.Redis(
    connection_pool=Pool.from_url(
        settings.PROVIDER_REDIS_URL,
        socket_timeout=settings.REDIS_TIMEOUT_S,
        socket_connect_timeout=settings.REDIS_TIMEOUT_S,
    )
)


def lock(account_id: int) -> None:
    """Lock an account until the transaction ends. Take it before its VMs, disks, products and operations, as calls do:
    whoever took them in another order could wait for each other forever.
    """
    HostingAccount.objects.select_for_update().get(pk=account_id)


def note(account_id: int, objects: Iterable[Named]) -> None:
    """Note that these objects of an account have changed or are gone, and wake whoever waits for it.

    Call it in the transaction of the change, which has `lock`ed the account.
    """
    named = sorted(set(objects))
    with transaction.atomic():
        HostingAccount.objects.filter(pk=account_id).update(changes_made=F("changes_made") + len(named))
        last = HostingAccount.objects.values_list("changes_made", flat=True).get(pk=account_id)
        now = timezone.now()
        ChangedObject.objects.bulk_create(
            [
                ChangedObject(account_id=account_id, type=type_, object_id=object_id, number=number, date=now)
                for number, (type_, object_id) in enumerate(named, last - len(named) + 1)
            ],
            update_conflicts=True,
            unique_fields=["account", "type", "object_id"],
            update_fields=["number", "date"],
        )
        transaction.on_commit(lambda: _announce(account_id))


def note_account(account_id: int) -> None:
    """Note that an account's balance, capacity or holder has changed."""
    note(account_id, [(Type.ACCOUNT, account_id)])


def note_accepted(operation: Operation) -> None:
    """Note a new operation, what it is to create, and what it takes of the account's capacity at once."""
    objects: list[Named] = [(Type.OPERATION, operation.pk)]
    if operation.type in _CREATES:
        objects += _objects(operation)
    if operation.type not in _MOVES:
        objects.append((Type.ACCOUNT, operation.account_id))
    note(operation.account_id, objects)


def note_begun(operation: Operation) -> None:
    """Note that an operation has gone on without changing anything else."""
    note(operation.account_id, [(Type.OPERATION, operation.pk)])


def note_ended(operation: Operation, disks: Iterable[int] = ()) -> None:
    """Note the end of an operation, with all that it was about, and other disks that it has changed."""
    account: Named = (Type.ACCOUNT, operation.account_id)
    beside: list[Named] = [(Type.DISK, disk_id) for disk_id in disks]
    note(operation.account_id, [(Type.OPERATION, operation.pk), *_objects(operation), account, *beside])


def _objects(operation: Operation) -> list[Named]:
    ids = {Type.VM: operation.vm_id, Type.DISK: operation.disk_id, Type.PRODUCT: operation.product_id}
    return [(type_, object_id) for type_, object_id in ids.items() if object_id is not None]


def forget_old() -> None:
    """Delete what was noted long ago. A cursor from before is then too old."""
    old = ChangedObject.objects.filter(date__lt=timezone.now() - KEPT_FOR)
    for account_id, last in old.order_by().values_list("account").annotate(last=Max("number")):
        with transaction.atomic():
            HostingAccount.objects.filter(pk=account_id, changes_forgotten__lt=last).update(changes_forgotten=last)
            old.filter(account=account_id, number__lte=last).delete()


def _announce(account_id: int) -> None:
    """Wake the calls that wait for this account's changes. Without Redis they look by themselves after a while."""
    with suppress(redis.RedisError):
        _redis.publish(CHANNEL, account_id)
