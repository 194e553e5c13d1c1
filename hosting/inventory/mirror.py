"""Keep the mirror of an account up to date.

An idle round costs four calls here: the two lists, the balance, and the account with its products. New objects and
those that an operation has changed are read in parallel; the others are re-read slowly, so that no row gets too old.

Decision: docs/decisions/0010-streaming-import.md
"""

import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from functools import partial

from django.db import transaction

from hosting import api
from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.inventory import progress
from hosting.inventory.apply import Disputed, Explained, apply, no_change_explained
from hosting.inventory.models import Disk, Vm
from hosting.inventory.reading import (
    ALL_ACCOUNT_DATA,
    NO_ACCOUNT_DATA,
    AccountData,
    Reading,
    read_account_data,
    read_disks,
    read_vms,
)

# Servers have a handful of disks; this bounds the number of calls.
_LINKS_AT_MOST = 30


def sweep(session: ApiSession, *, explained: Explained, on_progress: Callable[[], None] = lambda: None) -> None:
    """Read the lists, and every object that is new.

    `on_progress` is called after each chunk: the first import of a large account takes minutes.

    Raises:
        hosting.api.ApiError: a list or an object could not be read; what was read before is kept.
    """
    account = session.account
    gone = Reading()
    vm_ids, disk_ids = session.call(api.Client.vm_list), session.call(api.Client.disk_list)
    known_vms, known_disks = _known(account, Vm), _known(account, Disk)
    gone.gone_vms, gone.gone_disks = known_vms - set(vm_ids), known_disks - set(disk_ids)
    _write(session, gone, explained)

    first_import = _FirstImport(account, vm_ids, disk_ids) if account.mirrored_at is None else None

    def take(readings: Iterator[Reading]) -> None:
        for reading in readings:
            _write(session, reading, explained)
            on_progress()
            if first_import:
                first_import.note(reading)

    take(read_vms(session, [vm_id for vm_id in vm_ids if vm_id not in known_vms]))
    # `vm_info` includes the server's disks, so only unattached disks are left.
    known_disks = _known(account, Disk)
    take(read_disks(session, [disk_id for disk_id in disk_ids if disk_id not in known_disks]))


def reread(
    session: ApiSession, *, since: datetime, explained: Explained, on_progress: Callable[[], None] = lambda: None
) -> None:
    """Read every object again that was last read before `since`, oldest first.

    Raises:
        hosting.api.ApiError: an object could not be read; what was read before is kept.
    """
    account = session.account

    def old(model: type[Vm] | type[Disk]) -> list[int]:
        rows = model._default_manager.filter(account=account, read_at__lt=since)
        return list(rows.order_by("read_at", "remote_id").values_list("remote_id", flat=True))

    for read, model in ((read_vms, Vm), (read_disks, Disk)):
        for reading in read(session, old(model)):
            _write(session, reading, explained)
            on_progress()


def _known(account: Account, model: type[Vm] | type[Disk]) -> set[int]:
    """The provider's ids of the objects in the mirror."""
    return set(model._default_manager.filter(account=account).values_list("remote_id", flat=True))


class _FirstImport:
    """Publishes the progress of the first import for pages."""

    def __init__(self, account: Account, vm_ids: Collection[int], disk_ids: Collection[int]) -> None:
        self._account_id = account.pk
        self._missing_vms = set(vm_ids) - _known(account, Vm)
        self._missing_disks = set(disk_ids) - _known(account, Disk)
        self._total = len(vm_ids) + len(disk_ids)
        self._missing_at_first = self._missing
        self._began = time.monotonic()

    @property
    def _missing(self) -> int:
        return len(self._missing_vms) + len(self._missing_disks)

    def note(self, reading: Reading) -> None:
        self._missing_vms -= reading.vms.keys() | reading.gone_vms
        self._missing_disks -= reading.disk_ids | reading.gone_disks
        read = self._missing_at_first - self._missing
        left_s = round(self._missing * (time.monotonic() - self._began) / read) if read else None
        progress.publish(self._account_id, progress.Progress(self._total - self._missing, self._total, left_s))


def refresh(
    session: ApiSession,
    *,
    vms: Collection[int] = (),
    disks: Collection[int] = (),
    facts: AccountData = NO_ACCOUNT_DATA,
    explained: Explained = no_change_explained,
) -> None:
    """Read these objects again, in parallel, and apply the result. Disks read with their server cost no extra call.

    Raises:
        hosting.api.ApiError: an object could not be read now; the others have been applied.
    """
    reading, failure = _read(session, vms, disks, facts)
    _write(session, reading, explained)
    if failure is not None:
        raise failure


def _write(session: ApiSession, reading: Reading, explained: Explained) -> None:
    """Apply a reading. Where another worker was quicker and has read something else, read again which of them is right.

    Raises:
        hosting.api.ApiError: an object could not be read again; the others have been applied.
    """
    failure: api.ApiError | None = None
    while (disputed := apply(session.account, reading, explained=explained)) and failure is None:
        reading, failure = _read_again(session, reading, disputed)
    if failure is not None:
        raise failure


def _read_again(session: ApiSession, reading: Reading, disputed: Disputed) -> tuple[Reading, api.ApiError | None]:
    # The place of a disk is read with its server.
    with_server = {
        vm_id for vm_id, vm in reading.vms.items() if disputed.disks.intersection(disk.id for disk in vm.disks)
    }
    data = NO_ACCOUNT_DATA
    if disputed.account_data:
        data = AccountData.BALANCE | AccountData.CAPACITY if reading.currency is None else ALL_ACCOUNT_DATA
    return _read(session, disputed.vms | with_server, disputed.disks, data)


def _read(
    session: ApiSession, vms: Collection[int], disks: Collection[int], facts: AccountData
) -> tuple[Reading, api.ApiError | None]:
    """Read these objects, and return an error of those that could not be read now."""
    reading = Reading()
    failure = _collect(reading, read_vms(session, list(vms)))
    left = [disk_id for disk_id in disks if disk_id not in reading.disk_ids]
    failure = _collect(reading, read_disks(session, left)) or failure
    read_account_data(session, facts, reading)
    return reading, failure


def _collect(reading: Reading, parts: Iterator[Reading]) -> api.ApiError | None:
    try:
        for part in parts:
            reading.include(part)
    except api.ApiError as failure:
        return failure
    return None


def read_links(session: ApiSession, vm_id: int) -> None:
    """Read the position and device of each disk of a server: one call, and one for each disk.

    Raises:
        hosting.api.ApiError: a call failed; nothing has changed.
    """
    listed = session.call(lambda client: client.vm_disk_list(vm_id))[:_LINKS_AT_MOST]
    links = [session.call(partial(api.Client.vm_disk_link, vm_id=vm_id, disk_id=disk_id)) for disk_id in listed]
    with transaction.atomic():
        # Lock the account before its disks, as `apply` does.
        Account.objects.select_for_update(of=("self",), no_key=True).get(pk=session.account.pk)
        disks = Disk.objects.filter(account=session.account, vm_remote_id=vm_id)
        for link in links:
            disks.filter(remote_id=link.disk_id).update(position=link.position, device=link.device[:64])
        versions.bump(session.account.pk)


def read_os_images(session: ApiSession) -> None:
    """Read the systems that can be installed.

    Raises:
        hosting.api.ApiError: the call failed; what was read before is kept.
    """
    apply(session.account, Reading(os_images=session.call(api.Client.os_list)))
