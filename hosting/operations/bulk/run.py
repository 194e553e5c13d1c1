"""One change for many objects: asked for once, carried out a few at a time, each as an ordinary operation.

One row that fails never stops the rest. What the whole account lacks (the provider is away, its login does not work)
pauses the bulk, so that nothing fails row by row.
"""

import uuid
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.jobs import Job, ask
from hosting.operations.checks import quiet_hours
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import (
    AboveCeiling,
    AccountTrouble,
    Busy,
    EndpointAway,
    Invalid,
    NotEnough,
    QuietHours,
    Rejected,
    WrongState,
)
from hosting.operations.models.requesters import in_the_name_of
from hosting.operations.models.states import FINAL, HARMLESS, State
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError
from hosting.teams.tokens.use import acting_again

# More at a time is a mistake more often than a wish.
MOST_ROWS = 5_000

# The parameter of each kind that names its object; a kind that is not here is not for many objects.
OBJECT_OF = {
    catalogue.StartVm.method: "vm_id",
    catalogue.StopVm.method: "vm_id",
    catalogue.RebootVm.method: "vm_id",
    catalogue.DeleteVm.method: "vm_id",
    catalogue.DeleteDisk.method: "disk_id",
    catalogue.RenewProduct.method: "product_id",
}


# What the whole account lacks, and what one row does.
_WHOLE: dict[type[Exception], Bulk.Problem] = {
    EndpointAway: Bulk.Problem.AWAY,
    AccountTrouble: Bulk.Problem.TROUBLE,
    NotAllowedError: Bulk.Problem.NOT_ALLOWED,
    QuietHours: Bulk.Problem.QUIET,
    # A token may spend up to the ceiling and no further.
    AboveCeiling: Bulk.Problem.NOT_ALLOWED,
}
_OF_ROW: dict[type[Exception], BulkRow.Problem] = {
    Busy: BulkRow.Problem.BUSY,
    WrongState: BulkRow.Problem.WRONG_STATE,
    NotEnough: BulkRow.Problem.NOT_ENOUGH,
}


def begin(
    method: str,
    objects: Sequence[tuple[int, str]],
    *,
    account: Account,
    by: Membership,
    nonce: uuid.UUID,
    params: Mapping[str, object] | None = None,
) -> Bulk:
    """Ask for one change of many objects, each given with its id and name. The same `nonce` is the same bulk.

    Raises:
        NotAllowedError: the member's role does not allow it.
        Invalid: no object, too many, or a value that the API would refuse.
        QuietHours: it deletes, and the team deletes nothing now.
    """
    kind_class = catalogue.KINDS[method]
    by.require(kind_class.permission, account)
    quiet_hours.require_none(kind_class, by.team)
    if not objects:
        raise Invalid(_("Choose at least one."))
    if len(objects) > MOST_ROWS:
        raise Invalid(_("Choose %(most)d at most.") % {"most": MOST_ROWS})
    _kind(method, params or {}, objects[0][0]).validate()
    try:
        with transaction.atomic():
            bulk = Bulk.objects.create(
                account=account, nonce=nonce, kind=method, params=dict(params or {}), **in_the_name_of(by)
            )
            BulkRow.objects.bulk_create(
                BulkRow(bulk=bulk, object_id=number, subject=name[:255]) for number, name in dict(objects).items()
            )
            versions.bump(account.pk)
            record(
                by.team,
                by=by,
                action=f"bulk.{method}",
                subject=account.label,
                account=account.pk,
                bulk=bulk.pk,
                params=dict(params or {}),
                objects=[number for number, _name in objects],
            )
            ask(Job.ADVANCE_BULK, bulk.pk)
    except IntegrityError:
        return account.bulks.get(nonce=nonce)
    return bulk


def pause(bulk: Bulk, *, by: Membership) -> None:
    """Ask for nothing more; what is under way goes on.

    Raises:
        NotAllowedError: the member could not have asked for it either.
    """
    _change(bulk, Bulk.State.RUNNING, Bulk.State.PAUSED, by=by, action="bulk.paused")


def resume(bulk: Bulk, *, by: Membership) -> None:
    """Go on, from now on in the name of whoever resumes it.

    Raises:
        NotAllowedError: as `pause`.
        QuietHours: as `begin`.
    """
    _change(bulk, Bulk.State.PAUSED, Bulk.State.RUNNING, by=by, action="bulk.resumed", **in_the_name_of(by))


def retry_failed(bulk: Bulk, *, by: Membership) -> int:
    """Ask again for the rows that failed and certainly did not happen, and for nothing else. How many those are.

    Raises:
        NotAllowedError: as `pause`.
        WrongState: none has failed.
        QuietHours: as `begin`.
    """
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    quiet_hours.require_none(catalogue.KINDS[bulk.kind], by.team)
    with transaction.atomic():
        Bulk.objects.select_for_update(no_key=True).get(pk=bulk.pk)
        failed = [
            row
            for row in bulk.rows.filter(state=BulkRow.State.FAILED).select_related("operation")
            if row.operation is None or row.operation.state in HARMLESS | {State.FAILED}
        ]
        if not failed:
            raise WrongState(_("Nothing of it has failed."))
        for row in failed:
            row.state, row.attempt, row.problem = BulkRow.State.WAITING, row.attempt + 1, ""
        BulkRow.objects.bulk_update(failed, ["state", "attempt", "problem"])
        Bulk.objects.filter(pk=bulk.pk).update(
            state=Bulk.State.RUNNING,
            problem="",
            set_aside_at=None,
            updated_at=timezone.now(),
            **in_the_name_of(by),
        )
        versions.bump(bulk.account_id)
        record(
            by.team,
            by=by,
            action="bulk.retried",
            subject=bulk.account.label,
            account=bulk.account_id,
            bulk=bulk.pk,
            rows=len(failed),
        )
        ask(Job.ADVANCE_BULK, bulk.pk)
    return len(failed)


def set_aside(bulk: Bulk, *, by: Membership) -> bool:
    """Take note that some of it was not done: it needs nobody's attention any more. False when it needed none.

    Raises:
        NotAllowedError: as `pause`.
    """
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    with transaction.atomic():
        # Its `updated_at` stays: that says when it ended.
        noted = Bulk.objects.filter(pk=bulk.pk, state=Bulk.State.DONE, set_aside_at=None).update(
            set_aside_at=timezone.now()
        )
        if noted:
            versions.bump(bulk.account_id)
            record(
                by.team,
                by=by,
                action="bulk.set_aside",
                subject=bulk.account.label,
                account=bulk.account_id,
                bulk=bulk.pk,
            )
    return bool(noted)


def counts(bulk: Bulk) -> dict[str, int]:
    """How many rows are in each state."""
    found = dict(bulk.rows.order_by().values_list("state").annotate(count=Count("*")))
    return {state.value: found.get(state.value, 0) for state in BulkRow.State}


def advance(bulk_id: int) -> None:
    """Note what has ended, and ask for the next ones. Safe to call at any time and any number of times."""
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
            _ask_for(bulk, list(bulk.rows.filter(state=BulkRow.State.WAITING)[:more]))
        open_rows = bulk.rows.filter(state__in=(BulkRow.State.WAITING, BulkRow.State.RUNNING))
        if bulk.state == Bulk.State.RUNNING and not open_rows.exists():
            bulk.state = Bulk.State.DONE
            versions.bump(bulk.account_id)
        bulk.save(update_fields=["state", "problem", "updated_at"])


def _settle_rows(bulk: Bulk) -> int:
    """Write down how operations ended. How many are still under way, those aside that wait for a person's word."""
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


def _ask_for(bulk: Bulk, rows: Sequence[BulkRow]) -> None:
    by = acting_again(team_id=bulk.account.team_id, person_id=bulk.requested_by_id, token_id=bulk.asked_through_id)
    if by is None:
        _pause(bulk, Bulk.Problem.MEMBER_LEFT)
        return
    for row in rows:
        try:
            row.operation = _submit(bulk, row, by)
            row.state, row.problem = BulkRow.State.RUNNING, BulkRow.Problem.NONE
        except (EndpointAway, AccountTrouble, QuietHours, NotAllowedError, AboveCeiling) as reason:
            _pause(bulk, _WHOLE[type(reason)])
            return
        except Rejected as refusal:
            problem = _OF_ROW.get(type(refusal), BulkRow.Problem.INVALID)
            row.operation, row.state, row.problem = None, BulkRow.State.FAILED, problem
        row.save(update_fields=["operation", "state", "problem"])
        versions.bump(bulk.account_id)


def _submit(bulk: Bulk, row: BulkRow, by: Membership) -> Operation:
    return submit(
        _kind(bulk.kind, bulk.params, row.object_id),
        account=bulk.account,
        by=by,
        # Of this attempt: asked for twice, it is the same operation.
        nonce=uuid.uuid5(bulk.nonce, f"{row.object_id}:{row.attempt}"),
        bulk=bulk,
        retry_of=row.operation,
    )


def _kind(method: str, params: Mapping[str, object], object_id: int) -> Kind:
    return catalogue.load(method, {**params, OBJECT_OF[method]: object_id})


def _pause(bulk: Bulk, problem: Bulk.Problem) -> None:
    bulk.state, bulk.problem = Bulk.State.PAUSED, problem
    versions.bump(bulk.account_id)


def _change(
    bulk: Bulk, before: Bulk.State, after: Bulk.State, *, by: Membership, action: str, **fields: object
) -> None:
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    if after == Bulk.State.RUNNING:
        quiet_hours.require_none(catalogue.KINDS[bulk.kind], by.team)
    with transaction.atomic():
        changed = Bulk.objects.filter(pk=bulk.pk, state=before).update(
            state=after, problem="", updated_at=timezone.now(), **fields
        )
        if changed:
            versions.bump(bulk.account_id)
            record(
                by.team,
                by=by,
                action=action,
                subject=bulk.account.label,
                account=bulk.account_id,
                before={"state": before},
                after={"state": after},
                bulk=bulk.pk,
            )
            ask(Job.ADVANCE_BULK, bulk.pk)
