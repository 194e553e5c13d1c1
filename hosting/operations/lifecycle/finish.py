"""Finish operations that have ended at the provider: read again what they have changed, then move the rows."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import MANY, ApiError, OperationDetails
from hosting.inventory import mirror
from hosting.inventory.models import Disk
from hosting.inventory.reading import NO_ACCOUNT_DATA, AccountData
from hosting.operations.costs.explained_changes import by_operations
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle import conclude
from hosting.operations.models.operation import Operation
from hosting.operations.models.problems import Reason
from hosting.operations.models.states import State
from hosting.teams.ssh_keys import managing as ssh_keys

# An operation that has ended is shown as ended after this time, even if its objects can't be read again.
_LATEST_FINISH = timedelta(minutes=1)
# Operations that are finished together.
_BATCH = 16


@dataclass
class Ended:
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


@dataclass(frozen=True)
class Changed:
    """What has changed at the provider: servers and disks by their ids, and data of the account as a whole."""

    vms: Set[int] = frozenset()
    disks: Set[int] = frozenset()
    data: AccountData = NO_ACCOUNT_DATA


def finish(session: ApiSession, ended: Sequence[Ended], also_changed: Changed | None = None) -> None:
    """Finish operations a few at a time, after reading their objects again: pages never show a finished operation
    beside the old state of its object, and nothing is requested on the ground of old data of the account.

    Raises:
        hosting.api.ApiError: an object could not be read; its operation is finished later.
    """
    account = session.account
    changed = also_changed or Changed()
    # What the provider has told may be older than the operations: it tells separately what they have changed.
    changed = replace(changed, data=changed.data | _changed_data(ended))
    if not ended and changed == Changed():
        return
    explained = by_operations(account)
    size = MANY if also_changed else _BATCH
    for start in range(0, max(1, len(ended)), size):
        batch = ended[start : start + size]
        vms, disks = _touched(account, batch)
        try:
            mirror.refresh(
                session, vms=vms | changed.vms, disks=disks | changed.disks, facts=changed.data, explained=explained
            )
        except ApiError:
            latest = timezone.now() - _LATEST_FINISH
            _finish([each for each in batch if _ended_at(each, account) < latest])
            raise
        _finish(batch)
        changed = Changed()


def _changed_data(ended: Iterable[Ended]) -> AccountData:
    """The data of the account that these operations may have changed."""
    data = NO_ACCOUNT_DATA
    for each in ended:
        data |= catalogue.changes(each.operation.kind)
    return data


def _touched(account: Account, ended: Sequence[Ended]) -> tuple[set[int], set[int]]:
    """The servers and disks that these operations may have changed."""
    vms = {vm_id for each in ended if (vm_id := each.objects.get("vm_id"))}
    disks = {disk_id for each in ended if (disk_id := each.objects.get("disk_id"))}
    beside = Disk.objects.filter(account=account, vm_remote_id__in=vms).values_list("remote_id", flat=True)
    return vms, disks.union(beside)


def _ended_at(ended: Ended, account: Account) -> datetime:
    """When it ended, on our clock; without details, the last time that it was known to be open."""
    if ended.details is None:
        return ended.operation.updated_at
    return account.on_our_clock(ended.details.date_updated) or ended.operation.updated_at


def _finish(ended: Sequence[Ended]) -> None:
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
    for each in ended:
        if each.state is State.DONE and each.operation.params.get("ssh_keys"):
            _note_keys(each)


def _note_keys(ended: Ended) -> None:
    """Note when keys were used last. Outside of the transaction: nothing depends on it."""
    operation = ended.operation
    ssh_keys.mark_used(
        operation.params["ssh_keys"],
        team_id=operation.account.team_id,
        user_id=operation.requested_by_id,
        at=ended.seen_at,
    )
