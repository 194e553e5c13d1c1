"""Read what a server uses from the provider: one call, for what is newer than what is stored."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from hosting import api
from hosting.accounts import extensions, versions
from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.inventory.figures import KEPT, STALE_AFTER, STEP, Sample, are_offered, stored
from hosting.inventory.models import Vm, VmFigures

# The provider's clock may be so much ahead of ours. A sample of a later time is none, or nothing would ever be newer.
_AHEAD = timedelta(minutes=5)
_STEP_S = int(STEP.total_seconds())


def read(session: ApiSession, vm_id: int) -> None:
    """Read the figures of a server, unless another job has just done so.

    Raises:
        hosting.api.ApiError: the call failed; nothing has changed.
    """
    account = session.account
    vm = Vm.objects.filter(account=account, remote_id=vm_id).select_related("figures").first()
    if vm is None or not are_offered(account):
        return
    known, now = stored(vm), timezone.now()
    if known and known.read_at > now - STALE_AFTER:
        return
    since = datetime.fromtimestamp(known.samples[-1][0], UTC) if known and known.samples else now - KEPT
    try:
        found = session.call(lambda client: client.vm_stats(vm_id, since, _STEP_S))
    except api.DataFault as fault:
        if fault.object == api.FaultObject.METHOD:
            extensions.forget(account.endpoint, api.VM_STATS)
        raise
    _store(account, vm.pk, now, [_sample(each) for each in found])


def _store(account: Account, pk: int, read_at: datetime, found: list[Sample]) -> None:
    """Add samples to those that are stored, and have open pages show them."""
    with transaction.atomic():
        # Lock the account before its servers, as `apply` does: another job may write, and the server may go.
        Account.objects.select_for_update(of=("self",), no_key=True).get(pk=account.pk)
        vm = Vm.objects.filter(pk=pk).select_related("figures").first()
        if vm is None:
            return
        known = stored(vm)
        samples = _merge(known.samples if known else [], found, read_at)
        VmFigures.objects.update_or_create(vm=vm, defaults={"read_at": read_at, "samples": samples})
        if known is None or known.samples != samples:
            versions.bump(account.pk)


def _merge(known: list[list[float]], found: Iterable[Sample], now: datetime) -> list[list[float]]:
    """Both, one for each minute and oldest first. What was found replaces what was known."""
    first, last = (now - KEPT).timestamp(), (now + _AHEAD).timestamp()
    by_minute = {int(row[0]) // _STEP_S: list(row) for row in (*known, *found) if first <= row[0] <= last}
    return [by_minute[minute] for minute in sorted(by_minute)]


def _sample(stats: api.VmStats) -> Sample:
    return Sample(
        int(stats.at.timestamp()),
        round(stats.cpu_percent, 2),
        round(stats.memory_mb, 1),
        round(stats.disk_read_bps),
        round(stats.disk_written_bps),
        round(stats.net_in_bps),
        round(stats.net_out_bps),
    )
