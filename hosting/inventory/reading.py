"""Read an account's objects from the provider, in parallel."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Flag, auto
from functools import partial
from typing import TypeVar

from django.utils import timezone

from hosting import api
from hosting.accounts.sessions import ApiSession

log = logging.getLogger(__name__)

Found = TypeVar("Found", api.Vm, api.Disk)

# The most objects of one chunk, and the seconds after which a smaller one is yielded. Small, so that pages show the
# progress of a long import.
_CHUNK, _CHUNK_S = 100, 2.0


class AccountData(Flag):
    """Data about an account as a whole, one call each: products and capacity, balance, currency."""

    CAPACITY = auto()
    BALANCE = auto()
    CURRENCY = auto()


NO_ACCOUNT_DATA = AccountData(0)
ALL_ACCOUNT_DATA = AccountData.CAPACITY | AccountData.BALANCE | AccountData.CURRENCY


@dataclass
class Reading:
    """The result of one or several calls. Attributes that are None were not read."""

    read_at: datetime = field(default_factory=timezone.now)
    vms: dict[int, api.Vm] = field(default_factory=dict)
    disks: dict[int, api.Disk] = field(default_factory=dict)
    gone_vms: set[int] = field(default_factory=set)
    gone_disks: set[int] = field(default_factory=set)
    info: api.HostingAccount | None = None
    balance: Decimal | None = None
    currency: str | None = None
    os_images: "list[api.OsImage] | None" = None

    @property
    def disk_ids(self) -> set[int]:
        """The disks in this reading, including those read with their server."""
        return {*self.disks, *(disk.id for vm in self.vms.values() for disk in vm.disks)}

    def include(self, part: "Reading") -> None:
        """Merge the servers and disks of a later reading."""
        self.vms.update(part.vms)
        self.disks.update(part.disks)
        self.gone_vms |= part.gone_vms
        self.gone_disks |= part.gone_disks


def read_vms(session: ApiSession, ids: Sequence[int]) -> Iterator[Reading]:
    """Read these servers with their disks; yields a reading for each chunk.

    Raises:
        hosting.api.ApiError: at the end, when an object could not be read now.
    """
    calls = [partial(_vm_info, vm_id=vm_id) for vm_id in ids]
    for read_at, found, gone in _chunks(session, ids, calls):
        yield Reading(read_at, vms=found, gone_vms=gone)


def read_disks(session: ApiSession, ids: Sequence[int]) -> Iterator[Reading]:
    """As `read_vms`, for disks."""
    calls = [partial(_disk_info, disk_id=disk_id) for disk_id in ids]
    for read_at, found, gone in _chunks(session, ids, calls):
        yield Reading(read_at, disks=found, gone_disks=gone)


def read_account_data(session: ApiSession, facts: AccountData, reading: Reading) -> None:
    """Add account data to a reading.

    Raises:
        hosting.api.ApiError: a call failed.
    """
    if AccountData.CURRENCY in facts:
        reading.currency = session.call(api.Client.account_currency)
    # Balance before products, so that the products of a reading show every change that is in its balance.
    if AccountData.BALANCE in facts:
        reading.balance = session.call(api.Client.account_balance)
    if AccountData.CAPACITY in facts:
        reading.info = session.call(api.Client.hosting_account_info)


def _chunks(
    session: ApiSession, ids: Sequence[int], calls: Sequence[Callable[[api.Client], Found]]
) -> Iterator[tuple[datetime, dict[int, Found], set[int]]]:
    found: dict[int, Found] = {}
    gone: set[int] = set()
    read_at: datetime | None = None
    since, failure = 0.0, None
    for remote_id, answer in zip(ids, session.stream(calls), strict=False):
        if read_at is None:
            # A chunk is as old as its oldest answer, or it could overwrite newer readings.
            read_at, since = answer.asked_at, time.monotonic()
        outcome = answer.outcome
        if _is_gone(outcome):
            gone.add(remote_id)
        elif _is_unreadable(outcome):
            # One unreadable object must not keep the others from being read.
            log.warning("Object %d can't be read: %s", remote_id, type(outcome).__name__)
        elif isinstance(outcome, api.ApiError):
            failure = outcome
        else:
            found[remote_id] = outcome
        if len(found) + len(gone) >= _CHUNK or time.monotonic() > since + _CHUNK_S:
            yield read_at, found, gone
            found, gone, read_at = {}, set(), None
    if read_at is not None:
        yield read_at, found, gone
    if failure is not None:
        raise failure


def _is_gone(outcome: object) -> bool:
    """Whether the object was deleted. Providers either don't know it any more, or list it as deleted."""
    if isinstance(outcome, api.DataFault):
        return outcome.cause == api.Cause.NOT_FOUND
    return isinstance(outcome, api.Vm | api.Disk) and outcome.state == "deleted"


def _is_unreadable(outcome: object) -> bool:
    """Whether reading the object will fail again next time."""
    if isinstance(outcome, api.DataFault):
        return not isinstance(outcome, api.SessionFault)
    return isinstance(outcome, api.Garbled)


def _vm_info(client: api.Client, *, vm_id: int) -> api.Vm:
    return client.vm_info(vm_id)


def _disk_info(client: api.Client, *, disk_id: int) -> api.Disk:
    return client.disk_info(disk_id)
