"""Track operations that the provider works on. The number of calls depends on what has ended, not on what is waiting.

A poll costs one `operation_list`. If few operations have changed, each is read. If many have, lists filtered by final
state say how they ended, without a call for each, and the progress of the others is read a few at a time.

Decision: docs/decisions/0009-tracking-costs-what-ends.md
"""

import logging
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import (
    MANY,
    OPERATION_DETAILS_MANY,
    ApiError,
    Client,
    DataFault,
    Garbled,
    OperationDetails,
    OperationFilter,
    SessionFault,
)
from hosting.inventory import mirror
from hosting.inventory.models import Disk
from hosting.inventory.reading import NO_ACCOUNT_DATA, AccountData
from hosting.operations.costs import observed
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude, external, listing
from hosting.operations.models import problems
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State

log = logging.getLogger(__name__)

# The provider's time of a change may be earlier than its commit, and the offset of its clock is known to a few seconds.
_CURSOR_MARGIN = timedelta(seconds=4)
# Lists may miss a change (the clock was set, or two changes in one second), so open operations are read again after
# this time: the first when one should be done by now, the second otherwise.
_REREAD_DUE, _REREAD_ANYWAY = timedelta(seconds=15), timedelta(minutes=5)
# An operation that has ended is shown as ended after this time, even if its objects can't be read again.
_LATEST_FINISH = timedelta(minutes=1)
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.8), timedelta(seconds=10)
# An operation that should be done by now is polled again after its delay so far divided by this.
_LATE_DIVISOR = 30
# The provider lists the operation of a new object at once; after this time it is not expected to appear.
_IDENTIFY_LIMIT = timedelta(minutes=5)
# Up to the first number of changed operations are read one by one. Of more, the second number are read for progress.
_FEW, _PROGRESS_READS = 3, 2
# Operations that are concluded together, and the most that one poll handles; the next poll continues.
_BATCH, _MOST_PER_POLL = 16, 96


@dataclass
class _Ended:
    """An operation that has ended at the provider; without details when only a list said so."""

    operation: Operation
    state: State
    details: OperationDetails | None = None
    # When this was read from the provider. Objects read later show the effect of the operation.
    seen_at: datetime = field(default_factory=timezone.now)

    @property
    def objects(self) -> dict[str, int | None]:
        """The provider's ids of the objects that the operation changed."""
        if self.details is not None:
            return dict(self.details.objects)
        return {name: getattr(self.operation, name) for name in ("vm_id", "disk_id", "product_id")}


def identify(operation: Operation, session: ApiSession) -> None:
    """Find the provider's operation id of an object that is being created (`vm_create`, `disk_create`).

    Raises:
        hosting.api.ApiError: the list could not be read; nothing has changed.
    """
    param = {"vm_id": operation.vm_id} if operation.vm_id else {"disk_id": operation.disk_id}
    ids = session.call(lambda client: client.operation_list(OperationFilter(type=operation.kind, param=param)))
    if ids and conclude.adopt(operation, State.ANSWERED, min(ids)):
        return
    if operation.answered_at and timezone.now() > operation.answered_at + _IDENTIFY_LIMIT:
        conclude.move(
            operation, State.ANSWERED, State.UNCERTAIN, needs_person=True, problem={"reason": Reason.NO_ANSWER}
        )
    else:
        Operation.objects.filter(pk=operation.pk).update(due_at=timezone.now() + timedelta(seconds=2))


def poll(session: ApiSession) -> None:
    """Read the account's operations at the provider once, by the lists of version 1.

    Raises:
        hosting.api.ApiError: something could not be read; the next poll reads it again.
    """
    account = session.account
    began = timezone.now()
    open_operations = _open_operations(account)
    since = account.operations_cursor or _first_cursor(open_operations.values(), began + account.clock_offset)
    listed = listing.moved_since(session, since)
    findings = _read_lists(session, open_operations, listed, since)
    wanted = [*findings.to_read, *_unknown(account, listed)]
    ended, may_be_ours = _read_and_conclude(
        session, open_operations, wanted[:_MOST_PER_POLL], also_ended=findings.ended, at_most=_MOST_PER_POLL
    )
    # What may still turn out to be ours is looked at again, until that is known.
    if ended <= _MOST_PER_POLL and len(wanted) <= _MOST_PER_POLL and not may_be_ours:
        confirm(account, began)
    else:
        Account.objects.filter(pk=account.pk).update(operations_read_at=timezone.now())
    observed.attribute_costs(account)


@dataclass(frozen=True)
class Named:
    """The objects that the provider says have changed, by its ids, and whether the account's own data has."""

    operations: Set[int] = frozenset()
    vms: Set[int] = frozenset()
    disks: Set[int] = frozenset()
    data: AccountData = NO_ACCOUNT_DATA


def take(session: ApiSession, named: Named) -> bool:
    """Read what the provider says has changed. False while one of the operations may still turn out to be ours.

    Raises:
        hosting.api.ApiError: something could not be read; it must be taken again.
    """
    account = session.account
    now = timezone.now()
    open_operations = _open_operations(account)
    # Those too that were named before we knew them as ours, or should be done by now.
    moved = [
        number for number, each in open_operations.items() if number in named.operations or _may_have_moved(each, now)
    ]
    wanted = [*moved, *_unknown(account, named.operations)]
    _, may_be_ours = _read_and_conclude(session, open_operations, wanted, also_read=named)
    observed.attribute_costs(account)
    return not may_be_ours


def confirm(account: Account, at: datetime) -> None:
    """Record that the account's operations are known up to this moment."""
    cursor = (at + account.clock_offset).replace(microsecond=0) - _CURSOR_MARGIN
    Account.objects.filter(pk=account.pk).update(operations_read_at=timezone.now(), operations_cursor=cursor)


def _open_operations(account: Account) -> dict[int, Operation]:
    """The operations that the provider works on, by its ids."""
    tracked = account.operations.filter(state=State.TRACKED)
    return {operation.remote_id: operation for operation in tracked if operation.remote_id is not None}


def _unknown(account: Account, listed: Set[int]) -> list[int]:
    """The listed operations that have no row. Those from before the first import are not imported."""
    if not account.mirrored_at:
        return []
    return sorted(listed - set(account.operations.filter(remote_id__in=listed).values_list("remote_id", flat=True)))


def _read_and_conclude(
    session: ApiSession,
    open_operations: dict[int, Operation],
    wanted: Sequence[int],
    *,
    also_ended: Sequence[_Ended] = (),
    also_read: Named | None = None,
    at_most: int | None = None,
) -> tuple[int, bool]:
    """Read these operations, and finish those that have ended. Return how many have, and whether any of the others may
    still turn out to be ours.
    """
    read, failure, may_be_ours = _read(session, open_operations, wanted)
    ended = list(also_ended)
    for operation, details in read:
        if state := listing.ENDED.get(details.state):
            ended.append(_Ended(operation, state, details))
        else:
            _save_progress(session.account, operation, details)
    _conclude(session, ended[:at_most], also_read)
    if failure is not None:
        raise failure
    return len(ended), may_be_ours


def next_poll_at(account: Account) -> datetime | None:
    """When to poll next: when the first open operation should be done, within bounds; None when none is open."""
    now = timezone.now()
    expected = account.operations.filter(state=State.TRACKED).values_list("eta_at", "answered_at")
    pauses = [_pause(eta_at or answered_at or now, now) for eta_at, answered_at in expected]
    return now + min(pauses) if pauses else None


def _pause(expected_at: datetime, now: datetime) -> timedelta:
    wanted = expected_at - now if expected_at > now else (now - expected_at) / _LATE_DIVISOR
    return min(_LONGEST_PAUSE, max(_SHORTEST_PAUSE, wanted))


@dataclass
class _Findings:
    """What the lists say about open operations: those that have ended, and those whose details must be read."""

    ended: list[_Ended]
    to_read: list[int]


def _read_lists(
    session: ApiSession, open_operations: dict[int, Operation], listed: set[int], since: datetime
) -> _Findings:
    moved = [
        number
        for number, each in open_operations.items()
        if (_is_listed_anew(each, since) if number in listed else _may_have_moved(each, timezone.now()))
    ]
    if len(moved) <= _FEW:
        return _Findings([], moved)
    states = listing.ended_since(session, since) if listed.intersection(moved) else {}
    ended, to_read = [], []
    for number, operation in open_operations.items():
        state = states.get(number)
        if state is State.DONE and _knows_its_objects(operation):
            ended.append(_Ended(operation, state))
        elif state is not None:
            # Only the details say why it failed, or what it has created.
            to_read.append(number)
    others = [number for number in moved if number not in states]
    # First those that were never read, then those that were read longest ago.
    others.sort(key=lambda number: (bool(open_operations[number].remote_state), open_operations[number].updated_at))
    return _Findings(ended, [*to_read, *others[:_PROGRESS_READS]])


def _knows_its_objects(operation: Operation) -> bool:
    """Whether its objects' ids are known without its details. `vm_create` does not return the id of the system disk."""
    if operation.kind == catalogue.CreateVm.method:
        return operation.disk_id is not None
    return bool(operation.vm_id or operation.disk_id or operation.product_id)


def _is_listed_anew(operation: Operation, since: datetime) -> bool:
    """Whether the details of a listed operation must be read.

    An operation stays listed for a while after a change that we have read already. It is read again only when that
    change does not explain why it is listed, or when it should be done by now.
    """
    return (
        operation.remote_updated_at is None or operation.remote_updated_at < since or _is_due(operation, timezone.now())
    )


def _may_have_moved(operation: Operation, now: datetime) -> bool:
    """Whether the details of an operation must be read although nothing says that it has changed."""
    if operation.remote_updated_at is None:
        return True
    return operation.updated_at < now - (_REREAD_DUE if _is_due(operation, now) else _REREAD_ANYWAY)


def _is_due(operation: Operation, now: datetime) -> bool:
    return operation.eta_at is None or operation.eta_at <= now


def _read(
    session: ApiSession, open_operations: dict[int, Operation], wanted: Sequence[int]
) -> tuple[list[tuple[Operation, OperationDetails]], ApiError | None, bool]:
    """The details of these operations, each with its row; an error that may go away with the next poll; and whether
    any may still turn out to be one of ours. Creates rows for external operations.
    """
    read, failure, may_be_ours = [], None, False
    for remote_id, answer in zip(wanted, _details_of(session, wanted), strict=True):
        operation = open_operations.get(remote_id)
        if isinstance(answer, ApiError):
            failure = _unreadable(operation, remote_id, answer) or failure
        elif operation := operation or external.create_external(session.account, answer):
            read.append((operation, answer))
        elif not external.is_asked_about(session.account, answer):
            may_be_ours = True
    return read, failure, may_be_ours


def _unreadable(operation: Operation | None, remote_id: int, error: ApiError) -> ApiError | None:
    """Handle an operation that can't be read, without stopping the poll. Return the error if a retry may help."""
    is_final = isinstance(error, DataFault) and not isinstance(error, SessionFault)
    if not is_final and not isinstance(error, Garbled):
        return error
    log.warning("The provider's operation %d can't be read: %s", remote_id, type(error).__name__)
    if operation is None or not isinstance(error, DataFault):
        return None
    if operation.origin == Operation.Origin.PANEL:
        # The provider accepted it and does not know it any more: only a person can say what became of it.
        conclude.move(operation, State.TRACKED, State.UNCERTAIN, needs_person=True, problem=problems.of_fault(error))
    else:
        conclude.move(operation, State.TRACKED, State.FAILED, problem=problems.of_fault(error))
    return None


def _details_of(session: ApiSession, wanted: Sequence[int]) -> list[OperationDetails | ApiError]:
    """The details of each operation, or why they can't be read; in one call where the endpoint can."""
    found: dict[int, OperationDetails] = {}
    if len(wanted) > 1 and extensions.has(session.account.endpoint, OPERATION_DETAILS_MANY):
        for start in range(0, len(wanted), MANY):
            ids = wanted[start : start + MANY]
            # What is missing in the answer is asked for alone, which says why.
            with suppress(Garbled):
                found |= {each.id: each for each in session.call(partial(Client.operation_details_many, ids=ids))}
    alone = [remote_id for remote_id in wanted if remote_id not in found]
    answers = session.gather([partial(_details, remote_id=remote_id) for remote_id in alone])
    all_answers: dict[int, OperationDetails | ApiError] = {**found, **dict(zip(alone, answers, strict=True))}
    return [all_answers[remote_id] for remote_id in wanted]


def _details(client: Client, *, remote_id: int) -> OperationDetails:
    return client.operation_details(remote_id)


def _first_cursor(open_operations: Iterable[Operation], provider_now: datetime) -> datetime:
    sent = [operation.sent_at for operation in open_operations if operation.sent_at]
    return min([*sent, provider_now], key=lambda moment: moment) - timedelta(minutes=1)


def _save_progress(account: Account, operation: Operation, details: OperationDetails) -> None:
    now = timezone.now()
    eta_at = now + timedelta(seconds=details.eta_s) if details.eta_s is not None else None
    conclude.update(
        operation,
        State.TRACKED,
        remote_state=details.state[:10],
        started_at=_on_our_clock(details.date_start, account),
        eta_at=eta_at,
        remote_updated_at=details.date_updated,
        **details.objects,
    )


def _on_our_clock(moment: datetime | None, account: Account) -> datetime | None:
    """Convert a time of the provider's clock to ours; None when it is out of range."""
    try:
        return moment and moment - account.clock_offset
    except OverflowError:
        return None


def _conclude(session: ApiSession, ended: Sequence[_Ended], also_read: Named | None) -> None:
    """Finish operations a few at a time, after reading their objects again: pages never show a finished operation
    beside the old state of its object. The account's data is read when they may have changed it, unless the provider
    says itself what has changed.
    """
    account = session.account
    named = also_read or Named(data=_changed_data(ended))
    if not ended and named == Named():
        return
    explained = by_operations(account)
    size = MANY if also_read else _BATCH
    for start in range(0, max(1, len(ended)), size):
        batch = ended[start : start + size]
        vms, disks = _touched(account, batch)
        try:
            mirror.refresh(
                session, vms=vms | named.vms, disks=disks | named.disks, facts=named.data, explained=explained
            )
        except ApiError:
            latest = timezone.now() - _LATEST_FINISH
            _finish([each for each in batch if _ended_at(each, account) < latest])
            raise
        _finish(batch)
        named = Named()


def _changed_data(ended: Iterable[_Ended]) -> AccountData:
    """The data of the account that these operations may have changed."""
    data = NO_ACCOUNT_DATA
    for each in ended:
        data |= catalogue.changes(each.operation.kind)
    return data


def _touched(account: Account, ended: Sequence[_Ended]) -> tuple[set[int], set[int]]:
    """The servers and disks that these operations may have changed."""
    vms = {vm_id for each in ended if (vm_id := each.objects.get("vm_id"))}
    disks = {disk_id for each in ended if (disk_id := each.objects.get("disk_id"))}
    beside = Disk.objects.filter(account=account, vm_remote_id__in=vms).values_list("remote_id", flat=True)
    return vms, disks.union(beside)


def _ended_at(ended: _Ended, account: Account) -> datetime:
    """When it ended, on our clock; without details, the last time that it was known to be open."""
    if ended.details is None:
        return ended.operation.updated_at
    return _on_our_clock(ended.details.date_updated, account) or ended.operation.updated_at


def _finish(ended: Sequence[_Ended]) -> None:
    with transaction.atomic():
        # Lock all rows before the first audit entry: see `record`.
        rows = Operation.objects.filter(pk__in=[each.operation.pk for each in ended], state=State.TRACKED)
        list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        for each in ended:
            problem: dict[str, object] = {}
            known: dict[str, object] = {}
            if each.details is not None:
                known = {"remote_updated_at": each.details.date_updated, **each.details.objects}
                if each.state is State.FAILED:
                    problem = {"reason": Reason.ENDED_IN_ERROR, "text": each.details.last_error}
            remote_state = each.details.state if each.details is not None else "DONE"
            conclude.move(
                each.operation,
                State.TRACKED,
                each.state,
                remote_state=remote_state,
                problem=problem,
                finished_at=each.seen_at,
                **known,
            )
