"""Servers that the provider pauses when shares end: foreseen before, and resumed after a renewal."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts.models import Account
from hosting.inventory.models import Change, Vm
from hosting.operations.capacity import expiry
from hosting.operations.kinds.catalogue import RenewProduct, StartVm
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import NotEnough
from hosting.teams.models import Membership
from hosting.web.wording.words import operation_title
from tests.contract.conftest import Member
from tests.contract.test_renewals import end_in
from tests.engine import Engine
from tests.processes import Provider


def vm(account: Account, remote_id: int) -> Vm:
    return Vm.objects.get(account=account, remote_id=remote_id)


def read_anew(engine: Engine, account: Account) -> None:
    """Run a round that reads every object."""
    before = timezone.now()
    Account.objects.filter(pk=account.pk).update(round_due_at=before, reread_due_at=before)
    engine.until(lambda: Account.objects.filter(pk=account.pk, mirrored_at__gt=before).exists())


def test_provider_pauses_the_servers_that_the_calendar_has_named(
    engine: Engine,
    provider: Provider,
    remote: Member,
    account: Account,
    owner: Membership,
    settings: Settings,
) -> None:
    settings.MIRROR_ROUND_S = 1
    ending = remote.buy(4)
    servers = [remote.new_vm(shares, f"web-{shares}-{number}") for number, shares in enumerate((5, 3, 1, 1, 2))]
    stopped = servers[3]
    remote.done(remote.vm_stop(stopped))
    end_in(provider, ending, 24)
    read_anew(engine, account)
    (day, _last) = [day for month in expiry.calendar(account, timezone.now()).months for day in month.days]
    foreseen = {server.remote_id for server in day.servers}
    assert foreseen == {servers[4], servers[2]}

    end_in(provider, ending, -1 / 60)
    engine.until(lambda: {each for each in servers if remote.vm_info(each)["state"] == "paused"} == foreseen)
    engine.until(lambda: all(vm(account, each).state == "paused" for each in foreseen))
    assert vm(account, servers[1]).state == "running"
    ended = vm(account, servers[4]).shares_ended
    assert ended is not None
    assert timezone.now() - timedelta(minutes=5) < ended < timezone.now()
    pause = Operation.objects.get(account=account, kind="vm_stop", vm_id=servers[4])
    assert pause.origin == Operation.Origin.EXTERNAL
    assert operation_title(pause) == "Pause server web-2-4"
    with pytest.raises(NotEnough, match="shares of this server have ended"):
        submit(StartVm(servers[4]), account=account, by=owner)

    engine.finish(submit(RenewProduct(ending, "1m"), account=account, by=owner))
    engine.until(lambda: all(vm(account, each).state == "running" for each in foreseen))
    engine.until(lambda: not Operation.objects.filter(account=account).open().exists())
    resume = Operation.objects.get(account=account, kind="vm_start", vm_id=servers[4])
    assert operation_title(resume) == "Resume server web-2-4"
    assert resume.origin == Operation.Origin.EXTERNAL
    assert vm(account, servers[4]).shares_ended is None
    resumed = Change.objects.filter(account=account, object_type="vm", what="changed", after__state="running")
    assert not resumed.exists(), "the operation explains it"
