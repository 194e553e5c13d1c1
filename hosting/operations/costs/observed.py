"""What an operation cost, learned from the balance: the API has neither a price list nor a statement of account.

A `BalanceSample` says that money moved between two readings. It belongs to an operation when that is the only one that
can have ended between them, and when nothing but Sharedeck was at work. Anything else stays unknown: what people buy
next is estimated from it. What the API tells nobody of is a deposit, and people make one when they are about to buy.
One that outweighs the operation shows by its direction. Others show because the balance is read right before money is
spent (`look_before`) and while it is (`is_money_moving`); readings that are further apart teach nothing.
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
from hosting.inventory.reading import Fact
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.kinds import catalogue
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import HARMLESS, UNDER_WAY, State

log = logging.getLogger(__name__)

# The provider's clock is known to some seconds, and its stamps have whole ones.
_CLOCK_MARGIN = timedelta(seconds=4)
# Two readings that are further apart leave time for a deposit that nobody saw.
_MAX_GAP = timedelta(minutes=2)
# A balance that was read so shortly before an operation is sent is not read again.
_FRESH = timedelta(seconds=20)
# What could not be told of a change by then stays unknown: an operation may wait for a person's word for weeks.
_GIVE_UP_AFTER = timedelta(days=1)
# The kinds of request that move money.
_MONEY_KINDS = tuple(method for method in catalogue.KINDS if Fact.BALANCE in catalogue.changes(method))


@dataclass(frozen=True)
class Span:
    """A time within which something happened, on our clock. `latest` is None when it may still happen."""

    earliest: datetime
    latest: datetime | None

    def meets(self, other: "Span") -> bool:
        """Whether both may have happened at the same moment."""
        return (self.latest is None or other.earliest <= self.latest) and (
            other.latest is None or self.earliest <= other.latest
        )


class Unattributed(Enum):
    """What a change of the balance says when it does not tell of one operation."""

    NOT_YET = "not yet"
    NOBODY = "nobody"


@dataclass(frozen=True)
class PossibleCause:
    """An operation that may have moved money, and when it can have ended."""

    operation: Operation
    span: Span

    def explains(self, spent: Decimal) -> bool:
        """Whether it is an operation of Sharedeck's, certainly done, that moves money in this direction."""
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
    moved: Span, spent: Decimal, suspects: Iterable[PossibleCause], *, others: Iterable[Span], read_until: datetime
) -> Operation | Unattributed:
    """The operation that a change of the balance belongs to, if that is certain.

    Args:
        moved: when the balance changed, `spent` being what it lost.
        suspects: the operations of the account that may have moved money.
        others: when the balance changed besides. An operation that may have caused two changes is certain for none.
        read_until: when the last reading of the balance began; `others` is complete up to then.
    """
    if moved.latest is None or moved.latest - moved.earliest > _MAX_GAP:
        return Unattributed.NOBODY
    met = [suspect for suspect in suspects if suspect.span.meets(moved)]
    if any(suspect.span.latest is None or suspect.span.latest > read_until for suspect in met):
        return Unattributed.NOT_YET
    if len(met) != 1 or not met[0].explains(spent) or any(met[0].span.meets(other) for other in others):
        return Unattributed.NOBODY
    return met[0].operation


def read_balance_before_spending(session: ApiSession, kind: str) -> None:
    """Read the balance before an operation is sent that moves it, so that no earlier deposit is taken for its cost.

    It is worth a try and no more: what keeps it from being read keeps no operation from being sent.
    """
    fresh = AccountInfo.objects.filter(account=session.account, read_at__gte=timezone.now() - _FRESH)
    if kind not in _MONEY_KINDS or fresh.exists():
        return
    try:
        mirror.refresh(session, facts=Fact.CAPACITY | Fact.BALANCE, explained=by_operations(session.account))
    except (ApiError, AccountStoppedError, NoAllowanceError, redis.RedisError) as error:
        log.info("The balance was not read before money is spent: %s", type(error).__name__)


def is_money_moving(account: Account) -> bool:
    """Whether an operation of Sharedeck's is under way that moves the balance."""
    return account.operations.filter(state__in=UNDER_WAY, kind__in=_MONEY_KINDS).exists()


def attribute_costs(account: Account) -> None:
    """Look into the changes of the balance that were not looked into yet, as far as all is known that may explain them.

    Call it after a look at the provider's operations: what others did there is known as far as that look went.
    """
    if not BalanceSample.objects.filter(account=account, weighed=False).exists():
        return
    with transaction.atomic():
        # As for a reading, so that two workers don't weigh the same change.
        account = Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        for sample in BalanceSample.objects.filter(account=account, weighed=False).order_by("at"):
            spent, found = _attribute(sample, account)
            if found is Unattributed.NOT_YET and sample.at > timezone.now() - _GIVE_UP_AFTER:
                continue
            BalanceSample.objects.filter(pk=sample.pk).update(weighed=True)
            if isinstance(found, Operation):
                Operation.objects.filter(pk=found.pk, state=State.DONE).update(cost=spent)
                versions.bump(account.pk)


def _attribute(sample: BalanceSample, account: Account) -> tuple[Decimal, Operation | Unattributed]:
    """What a change took from the balance, and the operation that it belongs to."""
    samples = BalanceSample.objects.filter(account=account)
    before = samples.filter(at__lt=sample.at).last()
    if before is None or sample.moved_after is None or sample.moved_before is None:
        return Decimal(0), Unattributed.NOBODY
    spent = before.balance - sample.balance
    looked_until = account.operations_cursor and account.operations_cursor - account.clock_offset
    if looked_until is None or looked_until < sample.moved_before:
        return spent, Unattributed.NOT_YET
    if Change.objects.filter(account=account, object_type="product", at__gte=sample.moved_after).exists():
        return spent, Unattributed.NOBODY
    suspects = _possible_causes(account, sample.moved_after)
    latest = samples.last() or sample
    others = samples.exclude(pk=sample.pk).filter(
        moved_before__gte=min((each.span.earliest for each in suspects), default=sample.moved_before)
    )
    return spent, cause(
        Span(sample.moved_after, sample.moved_before),
        spent,
        suspects,
        others=[Span(each.moved_after, each.moved_before) for each in others if each.moved_after],
        read_until=latest.last_at or latest.at,
    )


def _possible_causes(account: Account, since: datetime) -> list[PossibleCause]:
    """The operations that may have moved money after `since`. One that failed, or never arrived, has moved none."""
    known = Operation.objects.filter(account=account).order_by()
    # Each half has an index; a condition with OR would read the account's whole history.
    found = known.filter(state__in=UNDER_WAY - {State.WAITING}).union(known.filter(finished_at__gte=since), all=True)
    return [
        PossibleCause(operation, _span(operation, account))
        for operation in found
        if Fact.BALANCE in catalogue.changes(operation.kind)
        and operation.state not in HARMLESS
        and not (operation.state == State.FAILED and operation.remote_state == "ERROR")
    ]


def _span(operation: Operation, account: Account) -> Span:
    """When an operation can have ended: after it was sent and last seen to move, before it was known to be over."""
    earliest = [account.created_at]
    if operation.sent_at is not None:
        is_ours = operation.origin == Operation.Origin.PANEL
        earliest.append(operation.sent_at if is_ours else _earliest_on_our_clock(operation.sent_at, account))
    if operation.remote_updated_at is not None:
        earliest.append(_earliest_on_our_clock(operation.remote_updated_at, account))
    return Span(max(earliest), operation.finished_at)


def _earliest_on_our_clock(stamp: datetime, account: Account) -> datetime:
    """The earliest moment on our clock that a stamp of the provider's can mean."""
    try:
        return stamp - account.clock_offset - _CLOCK_MARGIN
    except OverflowError:
        return account.created_at
