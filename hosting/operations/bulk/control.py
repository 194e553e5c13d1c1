"""What members do with a bulk action: begin, pause and resume it, retry the rows that failed, dismiss it.

`advance` carries it out.
"""

import uuid
from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.jobs import Job, enqueue
from hosting.operations.bulk.advance import kind_of
from hosting.operations.checks import quiet_hours
from hosting.operations.kinds import catalogue
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import (
    Invalid,
    WrongState,
)
from hosting.operations.models.requesters import continuing_for
from hosting.operations.models.states import RETRYABLE
from hosting.teams.audit.log import record
from hosting.teams.models import Membership

# A larger selection is more likely a mistake than intended.
MOST_ROWS = 5_000


def begin(
    method: str,
    objects: Sequence[tuple[int, str]],
    *,
    account: Account,
    by: Membership,
    nonce: uuid.UUID,
    params: Mapping[str, object] | None = None,
) -> Bulk:
    """Request one change for many objects, each given as (id, name). The same `nonce` returns the same bulk action.

    Raises:
        NotAllowedError: the member's role does not allow it.
        Invalid: no object, too many, or a value that the API would refuse.
        QuietHours: it deletes something, and the team has quiet hours now.
    """
    kind_class = catalogue.KINDS[method]
    by.require(kind_class.permission, account)
    quiet_hours.enforce(kind_class, by.team)
    if not objects:
        raise Invalid(_("Select at least one."))
    if len(objects) > MOST_ROWS:
        raise Invalid(_("Select %(most)d at most.") % {"most": MOST_ROWS})
    kind_of(method, params or {}, objects[0][0]).validate()
    try:
        with transaction.atomic():
            bulk = Bulk.objects.create(
                account=account, nonce=nonce, kind=method, params=dict(params or {}), **continuing_for(by)
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
            enqueue(Job.ADVANCE_BULK, bulk.pk)
    except IntegrityError:
        return account.bulks.get(nonce=nonce)
    return bulk


def pause(bulk: Bulk, *, by: Membership) -> None:
    """Pause: submit no more rows. Operations under way continue.

    Raises:
        NotAllowedError: the member may not request this kind of operation.
    """
    _change(bulk, Bulk.State.RUNNING, Bulk.State.PAUSED, by=by, action="bulk.paused")


def resume(bulk: Bulk, *, by: Membership) -> None:
    """Resume. The member who resumes becomes the requester of the remaining rows.

    Raises:
        NotAllowedError: as `pause`.
        QuietHours: as `begin`.
    """
    _change(bulk, Bulk.State.PAUSED, Bulk.State.RUNNING, by=by, action="bulk.resumed", **continuing_for(by))


def retry_failed(bulk: Bulk, *, by: Membership) -> int:
    """Retry only the rows that failed, certainly did not happen, and were not retried by themselves. Return how many
    there are.

    Raises:
        NotAllowedError: as `pause`.
        WrongState: no row has failed.
        QuietHours: as `begin`.
    """
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    quiet_hours.enforce(catalogue.KINDS[bulk.kind], by.team)
    with transaction.atomic():
        Bulk.objects.select_for_update(no_key=True).get(pk=bulk.pk)
        retries = Operation.objects.filter(retry_of=OuterRef("operation"))
        failed = [
            row
            for row in bulk.rows.filter(~Exists(retries), state=BulkRow.State.FAILED).select_related("operation")
            if row.operation is None or row.operation.state in RETRYABLE
        ]
        if not failed:
            raise WrongState(_("Nothing has failed, so there is nothing to retry."))
        for row in failed:
            row.state, row.attempt, row.problem = BulkRow.State.WAITING, row.attempt + 1, ""
        BulkRow.objects.bulk_update(failed, ["state", "attempt", "problem"])
        Bulk.objects.filter(pk=bulk.pk).update(
            state=Bulk.State.RUNNING,
            problem="",
            dismissed_at=None,
            updated_at=timezone.now(),
            **continuing_for(by),
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
        enqueue(Job.ADVANCE_BULK, bulk.pk)
    return len(failed)


def dismiss(bulk: Bulk, *, by: Membership) -> bool:
    """Dismiss the failed rows, so that they no longer need attention. False when they did not need any.

    Raises:
        NotAllowedError: as `pause`.
    """
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    with transaction.atomic():
        # Keep `updated_at`: it says when the bulk action ended.
        noted = Bulk.objects.filter(pk=bulk.pk, state=Bulk.State.DONE, dismissed_at=None).update(
            dismissed_at=timezone.now()
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


def _change(
    bulk: Bulk, before: Bulk.State, after: Bulk.State, *, by: Membership, action: str, **fields: object
) -> None:
    by.require(catalogue.KINDS[bulk.kind].permission, bulk.account)
    if after == Bulk.State.RUNNING:
        quiet_hours.enforce(catalogue.KINDS[bulk.kind], by.team)
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
            enqueue(Job.ADVANCE_BULK, bulk.pk)
