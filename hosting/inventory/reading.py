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
from hosting.accounts import extensions
from hosting.accounts.sessions import ApiSession

log = logging.getLogger(__name__)

Found = TypeVar("Found", api.Vm, api.Disk)

# The most objects of one chunk, and the seconds after which a smaller one is yielded. Small, so that pages show the
# progress of a long import.
_CHUNK, _CHUNK_S = 100, 2.0


class AccountData(Flag):
    """Data about an account as a whole, one call each: products and capacity, balance, currency, price list."""

    CAPACITY = auto()
    BALANCE = auto()
    CURRENCY = auto()
    PRICES = auto()


NO_ACCOUNT_DATA = AccountData(0)
ALL_ACCOUNT_DATA = AccountData.CAPACITY | AccountData.BALANCE | AccountData.CURRENCY | AccountData.PRICES


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
    prices: dict[str, Decimal] | None = None
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
    """Read these servers with their disks, many in a call where the endpoint can; yields a reading for each chunk.

    Raises:
        hosting.api.ApiError: at the end, when an object could not be read now.
    """
    for read_at, found, gone in _read(session, ids, api.Client.vm_info, api.Client.vm_info_many, api.VM_INFO_MANY):
        yield Reading(read_at, vms=found, gone_vms=gone)


def read_disks(session: ApiSession, ids: Sequence[int]) -> Iterator[Reading]:
    """As `read_vms`, for disks."""
    for read_at, found, gone in _read(
        session, ids, api.Client.disk_info, api.Client.disk_info_many, api.DISK_INFO_MANY
    ):
        yield Reading(read_at, disks=found, gone_disks=gone)


def read_account_data(session: ApiSession, facts: AccountData, reading: Reading) -> None:
    """Add account data to a reading.

    Raises:
        hosting.api.ApiError: a call failed.
    """
    if AccountData.CURRENCY in facts:
        reading.currency = session.call(api.Client.account_currency)
    if AccountData.PRICES in facts and extensions.has(session.account.endpoint, api.PRICES):
        reading.prices = session.call(api.Client.prices).units
    # Balance before products, so that the products of a reading show every change that is in its balance.
    if AccountData.BALANCE in facts:
        reading.balance = session.call(api.Client.account_balance)
    if AccountData.CAPACITY in facts:
        reading.info = session.call(api.Client.hosting_account_info)


# Objects read by calls that were made at the same time, those that are gone, and when the first call was made.
_Chunk = tuple[datetime, dict[int, Found], set[int]]


def _read(
    session: ApiSession,
    ids: Sequence[int],
    one: Callable[[api.Client, int], Found],
    many: Callable[..., list[Found]],
    extension: str,
) -> Iterator[_Chunk[Found]]:
    if len(ids) < 2 or not extensions.has(session.account.endpoint, extension):
        yield from _one_by_one(session, ids, one)
        return
    for start in range(0, len(ids), api.MANY):
        chunk = ids[start : start + api.MANY]
        read_at = timezone.now()
        try:
            answer = session.call(partial(many, ids=chunk))
        except api.DataFault as fault:
            if isinstance(fault, api.SessionFault):
                raise
            extensions.forget(session.account.endpoint, extension)
            yield from _one_by_one(session, chunk, one)
        except api.Garbled:
            # One unreadable object must not keep the others from being read.
            yield from _one_by_one(session, chunk, one)
        else:
            found = {each.id: each for each in answer if not _is_gone(each)}
            yield read_at, found, set(chunk) - found.keys()


def _one_by_one(
    session: ApiSession, ids: Sequence[int], one: Callable[[api.Client, int], Found]
) -> Iterator[_Chunk[Found]]:
    calls = [partial(_call, one, remote_id) for remote_id in ids]
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


def _call(one: Callable[[api.Client, int], Found], remote_id: int, client: api.Client) -> Found:
    return one(client, remote_id)
