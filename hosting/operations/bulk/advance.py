"""Carry out bulk actions: submit the rows a few at a time, each as an ordinary operation.

A row that fails does not stop the rest. A problem of the whole account (the provider is away, the credentials do not
work) pauses the bulk action, so that its rows don't fail one by one.
"""

import uuid
from collections.abc import Mapping, Sequence

from django.db import transaction

from hosting.accounts import versions
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle.requester import RequesterRefusedError, present_requester, record_stop
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import (
    AboveSpendingLimit,
    AccountTrouble,
    AlreadyRetried,
    Busy,
    EndpointAway,
    NotEnough,
    QuietHours,
    Rejected,
    WrongState,
)
from hosting.operations.models.states import FINAL, State
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError

# The parameter of each kind that names its object. Kinds that are missing here have no bulk action.
OBJECT_OF = {
    catalogue.StartVm.method: "vm_id",
    catalogue.StopVm.method: "vm_id",
    catalogue.RebootVm.method: "vm_id",
    catalogue.DeleteVm.method: "vm_id",
    catalogue.DeleteDisk.method: "disk_id",
    catalogue.RenewProduct.method: "product_id",
}


# Rejections that pause the whole bulk action, and those that fail one row.
_PAUSES_BULK: dict[type[Exception], Bulk.Problem] = {
    EndpointAway: Bulk.Problem.AWAY,
    AccountTrouble: Bulk.Problem.TROUBLE,
    NotAllowedError: Bulk.Problem.NOT_ALLOWED,
    QuietHours: Bulk.Problem.QUIET,
    # A token may not spend above the limit: it can't ask for approval.
    AboveSpendingLimit: Bulk.Problem.NOT_ALLOWED,
}
_FAILS_ROW: dict[type[Exception], BulkRow.Problem] = {
    Busy: BulkRow.Problem.BUSY,
    WrongState: BulkRow.Problem.WRONG_STATE,
    NotEnough: BulkRow.Problem.NOT_ENOUGH,
}


def advance(bulk_id: int) -> None:
    """Update the rows that have ended, and submit the next ones. Safe to call at any time and any number of times."""
    with transaction.atomic():
        bulks = Bulk.objects.select_for_update(of=("self",), no_key=True).select_related(
            "account__endpoint", "account__team"
        )
        bulk = bulks.get(pk=bulk_id)
        if bulk.state == Bulk.State.DONE:
            return
        under_way = _settle_rows(bulk)
        if bulk.state == Bulk.State.RUNNING:
            more = max(0, bulk.account.team.bulk_at_once - under_way)
            _submit_rows(bulk, list(bulk.rows.filter(state=BulkRow.State.WAITING)[:more]))
        open_rows = bulk.rows.filter(state__in=(BulkRow.State.WAITING, BulkRow.State.RUNNING))
        if bulk.state == Bulk.State.RUNNING and not open_rows.exists():
            bulk.state = Bulk.State.DONE
            versions.bump(bulk.account_id)
        bulk.save(update_fields=["state", "problem", "updated_at"])


def _settle_rows(bulk: Bulk) -> int:
    """Update the rows whose operations have ended. Return how many are under way and do not wait for a person."""
    under_way, ended = 0, []
    for row in bulk.rows.filter(state=BulkRow.State.RUNNING).select_related("operation"):
        state = row.operation.state if row.operation else State.FAILED
        if state in FINAL:
            row.state = BulkRow.State.DONE if state == State.DONE else BulkRow.State.FAILED
            ended.append(row)
        elif state not in (State.UNCERTAIN, State.HELD):
            under_way += 1
    if ended:
        BulkRow.objects.bulk_update(ended, ["state"])
        versions.bump(bulk.account_id)
    return under_way


def _submit_rows(bulk: Bulk, rows: Sequence[BulkRow]) -> None:
    if not rows:
        return
    try:
        by = present_requester(bulk)
    except RequesterRefusedError as refused:
        _pause(bulk, Bulk.Problem(refused.reason))
        return
    for row in rows:
        try:
            row.operation = _submit_row(bulk, row, by)
            row.state, row.problem = BulkRow.State.RUNNING, BulkRow.Problem.NONE
        except (EndpointAway, AccountTrouble, QuietHours, NotAllowedError, AboveSpendingLimit) as reason:
            _pause(bulk, _PAUSES_BULK[type(reason)])
            return
        except AlreadyRetried:
            # The row keeps its operation, whose retry a member has requested by itself.
            row.state, row.problem = BulkRow.State.FAILED, BulkRow.Problem.WRONG_STATE
        except Rejected as refusal:
            problem = _FAILS_ROW.get(type(refusal), BulkRow.Problem.INVALID)
            row.operation, row.state, row.problem = None, BulkRow.State.FAILED, problem
        row.save(update_fields=["operation", "state", "problem"])
        versions.bump(bulk.account_id)


def _submit_row(bulk: Bulk, row: BulkRow, by: Membership) -> Operation:
    return submit(
        kind_of(bulk.kind, bulk.params, row.object_id),
        account=bulk.account,
        by=by,
        # One nonce per attempt, so that submitting it twice makes one operation.
        nonce=uuid.uuid5(bulk.nonce, f"{row.object_id}:{row.attempt}"),
        bulk=bulk,
        retry_of=row.operation,
    )


def kind_of(method: str, params: Mapping[str, object], object_id: int) -> Kind:
    return catalogue.load(method, {**params, OBJECT_OF[method]: object_id})


def _pause(bulk: Bulk, problem: Bulk.Problem) -> None:
    bulk.state, bulk.problem = Bulk.State.PAUSED, problem
    versions.bump(bulk.account_id)
    states = {"before": Bulk.State.RUNNING, "after": Bulk.State.PAUSED}
    record_stop(bulk, action="bulk.stopped", subject=bulk.account.label, reason=problem, **states)
