"""Work out what an operation cost from changes of the balance: the API has no price list and no account statement.

A `BalanceSample` says that the balance changed between two readings. The change is the cost of an operation when that
is the only operation that can have ended between them, and there was no external change. Otherwise the cost stays
unknown, because later purchases are estimated from it.

The API does not report deposits, and people make them right before they buy. A deposit larger than the cost shows by
its direction. For the others, the balance is read right before money is spent (`read_balance_before_spending`) and with
every round. Readings that are too far apart are not used.

Decision: docs/decisions/0012-costs-from-the-balance.md
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

import redis
from django.db import transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.limits import NoAllowanceError
from hosting.accounts.models import Account
from hosting.accounts.sessions import AccountStoppedError, ApiSession
from hosting.api import ApiError
from hosting.inventory import mirror
from hosting.inventory.models import AccountInfo, BalanceSample, Change
from hosting.inventory.reading import AccountData
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.kinds import catalogue
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import HARMLESS, UNDER_WAY, State

log = logging.getLogger(__name__)

# The offset of the provider's clock is known to a few seconds, and its times have whole seconds.
_CLOCK_MARGIN = timedelta(seconds=4)
# Two readings further apart leave time for an unnoticed deposit.
_MAX_GAP = timedelta(minutes=2)
# A balance this recent is not read again before an operation is sent.
_FRESH = timedelta(seconds=20)
# Most changes are attributed within this time; the others wait for an operation whose outcome is not known.
_SOON_KNOWN = timedelta(minutes=1)
# Changes that can't be attributed by then stay unknown: an operation may wait weeks for a person to decide.
_GIVE_UP_AFTER = timedelta(days=1)
# The kinds of operation that move money.
_MONEY_KINDS = tuple(method for method in catalogue.KINDS if AccountData.BALANCE in catalogue.changes(method))


@dataclass(frozen=True)
class Span:
    """The time within which something happened, on our clock. `latest` is None when it may still happen."""

    earliest: datetime
    latest: datetime | None

    def meets(self, other: "Span") -> bool:
        """Whether both may have happened at the same time."""
        return (self.latest is None or other.earliest <= self.latest) and (
            other.latest is None or self.earliest <= other.latest
        )


class Unattributed(Enum):
    """Why a change of the balance belongs to no operation: not known yet, or it never will be."""

    NOT_YET = "not yet"
    NEVER = "never"


@dataclass(frozen=True)
class PossibleCause:
    """An operation that may have changed the balance, and when it can have ended."""

    operation: Operation
    span: Span

    def explains(self, spent: Decimal) -> bool:
        """Whether it is one of Sharedeck's own operations, certainly done, and moves money in this direction."""
        operation = self.operation
        if operation.origin != Operation.Origin.PANEL or operation.remote_id is None or operation.state != State.DONE:
            return False
        match operation.kind:
            case catalogue.AddProduct.method | catalogue.RenewProduct.method:
                return spent > 0
            case catalogue.RemoveProduct.method:
                return spent < 0
            case catalogue.UpdateProduct.method if operation.quantity is not None:
                wanted: int = operation.params["quantity"]
                return (spent > 0) == (wanted > operation.quantity)
        return False


def cause(
    moved: Span, spent: Decimal, possible: Iterable[PossibleCause], *, others: Iterable[Span], read_until: datetime
) -> Operation | Unattributed:
    """The operation that caused a change of the balance, if that is certain.

    Args:
        moved: when the balance changed.
        spent: what was taken from the balance.
        possible: the operations of the account that may have changed it.
        others: when else the balance changed. An operation that may have caused two changes is certain for neither.
        read_until: when the last reading of the balance began; `others` is complete up to then.
    """
    if moved.latest is None or moved.latest - moved.earliest > _MAX_GAP:
        return Unattributed.NEVER
    met = [each for each in possible if each.span.meets(moved)]
    if any(each.span.latest is None or each.span.latest > read_until for each in met):
        return Unattributed.NOT_YET
    if len(met) != 1 or not met[0].explains(spent) or any(met[0].span.meets(other) for other in others):
        return Unattributed.NEVER
    return met[0].operation


def read_balance_before_spending(session: ApiSession, kind: str) -> None:
    """Read the balance before an operation that changes it, so that an earlier deposit is not taken for its cost.

    Best effort: if the reading fails, the operation is sent all the same.
    """
    fresh = AccountInfo.objects.filter(account=session.account, read_at__gte=timezone.now() - _FRESH)
    if kind not in _MONEY_KINDS or fresh.exists():
        return
    try:
        mirror.refresh(
            session, facts=AccountData.CAPACITY | AccountData.BALANCE, explained=by_operations(session.account)
        )
    except (ApiError, AccountStoppedError, NoAllowanceError, redis.RedisError) as error:
        log.info("The balance was not read before money is spent: %s", type(error).__name__)


def is_cost_pending(account: Account) -> bool:
    """Whether the balance has changed just now and the next poll may tell which operation caused it."""
    just_now = timezone.now() - _SOON_KNOWN
    return BalanceSample.objects.filter(account=account, weighed=False, at__gte=just_now).exists()


def attribute_costs(account: Account) -> None:
    """Attribute new changes of the balance to the operations that caused them, as far as these are known by now.

    Call it after polling the provider's operations: external operations are known up to that poll.
    """
    if not BalanceSample.objects.filter(account=account, weighed=False).exists():
        return
    with transaction.atomic():
        # The same lock as a reading takes, so that two workers don't attribute the same change.
        account = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        for sample in BalanceSample.objects.filter(account=account, weighed=False).order_by("at"):
            spent, found = _attribute(sample, account)
            if found is Unattributed.NOT_YET and sample.at > timezone.now() - _GIVE_UP_AFTER:
                continue
            if isinstance(found, Operation) and not _write_cost(found, spent):
                continue
            BalanceSample.objects.filter(pk=sample.pk).update(weighed=True)


def _write_cost(operation: Operation, spent: Decimal) -> bool:
    """Write what an operation has cost, if it is done. False when somebody else has locked it: they want the account
    next, which is locked here, so that waiting for them would be a deadlock.
    """
    done = Operation.objects.filter(pk=operation.pk, state=State.DONE)
    if done.exists() and not done.select_for_update(no_key=True, skip_locked=True).exists():
        return False
    if done.update(cost=spent):
        versions.bump(operation.account_id)
    return True


def _attribute(sample: BalanceSample, account: Account) -> tuple[Decimal, Operation | Unattributed]:
    """What a change took from the balance, and the operation that caused it."""
    samples = BalanceSample.objects.filter(account=account)
    before = samples.filter(at__lt=sample.at).last()
    if before is None or sample.moved_after is None or sample.moved_before is None:
        return Decimal(0), Unattributed.NEVER
    spent = before.balance - sample.balance
    polled_until = account.operations_cursor and account.operations_cursor - account.clock_offset
    if polled_until is None or polled_until < sample.moved_before:
        return spent, Unattributed.NOT_YET
    if Change.objects.filter(account=account, object_type="product", at__gte=sample.moved_after).exists():
        return spent, Unattributed.NEVER
    possible = _possible_causes(account, sample.moved_after)
    latest = samples.last() or sample
    others = samples.exclude(pk=sample.pk).filter(
        moved_before__gte=min((each.span.earliest for each in possible), default=sample.moved_before)
    )
    return spent, cause(
        Span(sample.moved_after, sample.moved_before),
        spent,
        possible,
        others=[Span(each.moved_after, each.moved_before) for each in others if each.moved_after],
        read_until=latest.last_at or latest.at,
    )


def _possible_causes(account: Account, since: datetime) -> list[PossibleCause]:
    """Operations that may have changed the balance after `since`: all but those that failed or did not happen."""
    known = Operation.objects.filter(account=account).order_by()
    # Each half uses an index; one condition with OR would read the account's whole history.
    found = known.filter(state__in=UNDER_WAY - {State.WAITING}).union(known.filter(finished_at__gte=since), all=True)
    return [
        PossibleCause(operation, _span(operation, account))
        for operation in found
        if AccountData.BALANCE in catalogue.changes(operation.kind)
        and operation.state not in HARMLESS
        and not (operation.state == State.FAILED and operation.remote_state == "ERROR")
    ]


def _span(operation: Operation, account: Account) -> Span:
    """When an operation can have ended: after it was sent and last seen to change, before it was known to be over."""
    earliest = [account.created_at]
    if operation.sent_at is not None:
        is_ours = operation.origin == Operation.Origin.PANEL
        earliest.append(operation.sent_at if is_ours else _earliest_on_our_clock(operation.sent_at, account))
    if operation.remote_updated_at is not None:
        earliest.append(_earliest_on_our_clock(operation.remote_updated_at, account))
    return Span(max(earliest), operation.finished_at)


def _earliest_on_our_clock(stamp: datetime, account: Account) -> datetime:
    """The earliest moment on our clock that a time of the provider's can mean."""
    try:
        return stamp - account.clock_offset - _CLOCK_MARGIN
    except OverflowError:
        return account.created_at
