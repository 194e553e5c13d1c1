"""Watching what the provider works on. The cost follows what moves, not what waits: one `operation_list` a look, then
the details of those that moved.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import ApiError, Client, DataFault, Garbled, OperationDetails, OperationFilter, SessionFault
from hosting.inventory import mirror
from hosting.inventory.models import Disk
from hosting.operations import conclude, kinds, problems
from hosting.operations.explained import by_operations
from hosting.operations.models import Operation
from hosting.operations.problems import Reason
from hosting.operations.states import State

log = logging.getLogger(__name__)

# `operation_list` gives no more ids than this (contract, Operations).
_LIST_LIMIT = 300
# A stamp of the provider may be older than the commit that makes it visible, and its clock is known to some seconds.
_CURSOR_MARGIN = timedelta(seconds=4)
# Listings may miss a change (a clock that was set, two changes in one second): an open operation is read again this
# long after it was last read, when it should be done by now, and otherwise.
_REREAD_DUE, _REREAD_ANYWAY = timedelta(seconds=15), timedelta(minutes=5)
# What is done there is told here at the latest then, also when its objects can't be read again.
_LATEST_FINISH = timedelta(minutes=1)
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=0.8), timedelta(seconds=10)
# The operation of a new object is listed with it; so long after its creation it will not be any more.
_IDENTIFY_LIMIT = timedelta(minutes=5)

# What JSON holds as it is; other parameters are kept as texts.
_PLAIN = (str, int, float, type(None))

_FINAL_STATES = {"DONE": State.DONE, "ERROR": State.FAILED, "CANCEL": State.CANCELLED}


@dataclass
class _Touched:
    """What finished operations have changed, to be read again at once."""

    vms: set[int] = field(default_factory=set)
    disks: set[int] = field(default_factory=set)

    def add(self, account: Account, details: OperationDetails) -> None:
        if details.vm_id:
            self.vms.add(details.vm_id)
            self.disks |= set(
                Disk.objects.filter(account=account, vm_remote_id=details.vm_id).values_list("remote_id", flat=True)
            )
        if details.disk_id:
            self.disks.add(details.disk_id)


def identify(operation: Operation, session: ApiSession) -> None:
    """Find the provider's operation of an object that it has just begun to make (`vm_create`, `disk_create`).

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


def look(session: ApiSession) -> bool:
    """One look at the account's operations at the provider. Whether any had moved.

    Raises:
        hosting.api.ApiError: something could not be read; it is looked at again next time.
    """
    account = session.account
    provider_now = timezone.now() + account.clock_offset
    open_operations = {
        operation.remote_id: operation
        for operation in account.operations.filter(state=State.TRACKED).select_related("account")
    }
    since = account.operations_cursor or _first_cursor(open_operations.values(), provider_now)
    ids = session.call(lambda client: client.operation_list(OperationFilter(updated_after=since)))
    listed = set(ids)
    known = set(account.operations.filter(remote_id__in=ids).values_list("remote_id", flat=True))
    wanted = [remote_id for remote_id in ids if remote_id not in known]
    wanted += [
        remote_id
        for remote_id, operation in open_operations.items()
        if remote_id is not None and _may_have_moved(operation, remote_id in listed, since, len(ids) >= _LIST_LIMIT)
    ]
    calls = [partial(_details, remote_id=remote_id) for remote_id in wanted]
    answers = session.gather(calls)
    read = [answer for answer in answers if isinstance(answer, OperationDetails)]
    _apply(session, open_operations, read)
    for remote_id, answer in zip(wanted, answers, strict=True):
        if isinstance(answer, ApiError):
            _unreadable(open_operations.get(remote_id), remote_id, answer)
    Account.objects.filter(pk=account.pk).update(
        operations_cursor=provider_now.replace(microsecond=0) - _CURSOR_MARGIN, operations_read_at=timezone.now()
    )
    return bool(read)


def next_look_at(account: Account) -> datetime | None:
    """When the first open operation should be done, within bounds; None when none is open."""
    now = timezone.now()
    etas = list(account.operations.filter(state=State.TRACKED).values_list("eta_at", flat=True))
    if not etas:
        return None
    nearest = min(eta or now for eta in etas)
    return min(now + _LONGEST_PAUSE, max(now + _SHORTEST_PAUSE, nearest))


def _unreadable(operation: Operation | None, remote_id: int, error: ApiError) -> None:
    """One operation that can't be read must not stop the look at all others.

    Raises:
        hosting.api.ApiError: `error`, when trying again may help.
    """
    is_final = isinstance(error, DataFault) and not isinstance(error, SessionFault)
    if not is_final and not isinstance(error, Garbled):
        raise error
    log.warning("The provider's operation %d can't be read: %s", remote_id, type(error).__name__)
    if operation is None or not isinstance(error, DataFault):
        return
    if operation.origin == Operation.Origin.PANEL:
        # It was accepted and is not known any more: nobody but a person can tell what became of it.
        conclude.move(operation, State.TRACKED, State.UNCERTAIN, needs_person=True, problem=problems.of_fault(error))
    else:
        conclude.move(operation, State.TRACKED, State.FAILED, problem=problems.of_fault(error))


def _details(client: Client, *, remote_id: int) -> OperationDetails:
    return client.operation_details(remote_id)


def _first_cursor(open_operations: Iterable[Operation], provider_now: datetime) -> datetime:
    sent = [operation.sent_at for operation in open_operations if operation.sent_at]
    return min([*sent, provider_now], key=lambda moment: moment) - timedelta(minutes=1)


def _may_have_moved(operation: Operation, is_listed: bool, since: datetime, list_is_full: bool) -> bool:
    """Whether the details are worth a call.

    An operation stays listed for a while after an update that we have read already: it is read again only when that
    update no longer explains the listing, or when it should be done by now.
    """
    if operation.remote_updated_at is None:
        return True
    now = timezone.now()
    is_due = operation.eta_at is None or operation.eta_at <= now
    if is_listed:
        return is_due or operation.remote_updated_at < since
    return list_is_full or operation.updated_at < now - (_REREAD_DUE if is_due else _REREAD_ANYWAY)


def _apply(session: ApiSession, open_operations: dict[int | None, Operation], read: list[OperationDetails]) -> None:
    """Write what was read. What finished is concluded after its objects were read again, so that pages never show a
    finished operation beside the state from before it.
    """
    account = session.account
    touched, finished = _Touched(), []
    for details in read:
        operation = open_operations.get(details.id) or _outside(account, details)
        if operation is None:
            continue
        if details.state in _FINAL_STATES:
            touched.add(account, details)
            finished.append((operation, details))
        else:
            _note_progress(operation, details)
    if not finished:
        return
    try:
        mirror.refresh(session, vms=touched.vms, disks=touched.disks, info=True, explained=by_operations(account))
    except ApiError:
        latest = timezone.now() + account.clock_offset - _LATEST_FINISH
        for operation, details in finished:
            if details.date_updated is None or details.date_updated < latest:
                _finish(operation, details)
        raise
    for operation, details in finished:
        _finish(operation, details)


def _note_progress(operation: Operation, details: OperationDetails) -> None:
    now = timezone.now()
    eta_at = now + timedelta(seconds=details.eta_s) if details.eta_s is not None else None
    conclude.update(
        operation,
        State.TRACKED,
        remote_state=details.state[:10],
        started_at=_in_our_time(details.date_start, operation.account),
        eta_at=eta_at,
        remote_updated_at=details.date_updated,
        **details.objects,
    )


def _in_our_time(moment: datetime | None, account: Account) -> datetime | None:
    """A stamp of the provider's clock on ours; None for one that no calendar has."""
    try:
        return moment and moment - account.clock_offset
    except OverflowError:
        return None


def _finish(operation: Operation, details: OperationDetails) -> None:
    state = _FINAL_STATES[details.state]
    problem = {"reason": Reason.ENDED_IN_ERROR, "text": details.last_error} if state is State.FAILED else {}
    conclude.move(
        operation,
        State.TRACKED,
        state,
        remote_state=details.state[:10],
        remote_updated_at=details.date_updated,
        problem=problem,
        **details.objects,
    )


def _outside(account: Account, details: OperationDetails) -> Operation | None:
    """A row for an operation that nobody asked for here. None when it may still turn out to be one of ours, or when
    the account is just being imported: what was before is no news.
    """
    if account.mirrored_at is None:
        return None
    unsettled = account.operations.filter(
        kind=details.type,
        origin=Operation.Origin.PANEL,
        state__in=(State.SENDING, State.UNCERTAIN, State.ANSWERED),
    )
    if any(kinds.load(row.kind, row.params).fits(details) for row in unsettled):
        return None
    params = {name: value if isinstance(value, _PLAIN) else str(value) for name, value in details.params.items()}
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                account=account,
                origin=Operation.Origin.OUTSIDE,
                kind=details.type[:40],
                params=params,
                subject=str(params.get("hostname") or params.get("name") or "")[:255],
                state=State.TRACKED,
                remote_id=details.id,
                remote_state=details.state[:10],
                remote_updated_at=details.date_updated,
                sent_at=details.date_created,
                answered_at=details.date_created,
                **details.objects,
            )
            versions.bump(account.pk)
    except IntegrityError:
        # Whoever asked for it has just written its id.
        return None
    return operation
