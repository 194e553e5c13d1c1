"""What another client does at the provider is listed once among the operations and once among the external changes,
whichever is read first: by the lists of version 1, and by what a provider with the extensions tells.
"""

from collections import Counter

import pytest
from pytest_django.fixtures import Settings

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sessions import ApiSession
from hosting.api import EXTENSIONS
from hosting.inventory import mirror
from hosting.inventory.models import Change, Vm
from hosting.operations import rounds
from hosting.operations.kinds.catalogue import StopVm
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine


class Pages:
    """What the two pages list that was not there at first."""

    def __init__(self, account: Account, engine: Engine) -> None:
        self.account, self.engine = account, engine
        self.operations_at_first = self.changes_at_first = 0

    def begin(self) -> None:
        """Read the account, and take what is there for known."""
        self.read()
        self.operations_at_first = Operation.objects.latest("pk").pk
        self.changes_at_first = Change.objects.latest("pk").pk if Change.objects.exists() else 0

    def read(self) -> None:
        """Read the account as the sweep does, until no operation is open."""
        for _ in range(2):
            Account.objects.filter(pk=self.account.pk).update(reread_due_at=None)
            rounds.round_of(Account.objects.select_related("endpoint", "team").get(pk=self.account.pk))
        self.engine.until(lambda: not Operation.objects.filter(account=self.account).open().exists())

    def operations(self) -> Counter[tuple[str, str]]:
        rows = Operation.objects.filter(pk__gt=self.operations_at_first)
        return Counter(rows.values_list("kind", "origin"))

    def changes(self) -> Counter[tuple[str, str, int]]:
        rows = Change.objects.filter(pk__gt=self.changes_at_first)
        return Counter(rows.values_list("what", "object_type", "remote_id"))


@pytest.fixture(params=[False, True], ids=["version 1", "extensions"])
def pages(request: pytest.FixtureRequest, account: Account, engine: Engine, settings: Settings) -> Pages:
    settings.API_EXTENSIONS = request.param
    if request.param:
        Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=sorted(EXTENSIONS))
    # What the account's other fixtures have bought.
    found = Pages(account, engine)
    found.begin()
    return found


def test_server_that_another_client_creates_stops_and_deletes(pages: Pages, remote: Member) -> None:
    vm_id = remote.new_vm(hostname="elsewhere")
    (disk_id,) = remote.vm_disk_list(vm_id)
    pages.read()
    assert pages.operations() == {("vm_create", "outside"): 1}
    added = {("appeared", "vm", vm_id): 1, ("appeared", "disk", disk_id): 1}
    assert pages.changes() == added
    assert Change.objects.get(object_type="vm").after["state"] == "running"

    remote.done(remote.vm_stop(vm_id))
    pages.read()
    assert pages.operations() == {("vm_create", "outside"): 1, ("vm_stop", "outside"): 1}
    stopped = {("changed", "vm", vm_id): 1}
    assert pages.changes() == {**added, **stopped}
    change = Change.objects.get(what="changed")
    assert (change.before, change.after) == ({"state": "running"}, {"state": "halted"})

    remote.done(remote.vm_delete(vm_id))
    pages.read()
    assert pages.operations()["vm_delete", "outside"] == 1
    assert pages.changes() == {**added, **stopped, ("vanished", "vm", vm_id): 1, ("vanished", "disk", disk_id): 1}


def test_disk_and_product_of_another_client(pages: Pages, remote: Member) -> None:
    disk_id, product_id = remote.new_disk(name="elsewhere"), remote.buy(2)
    pages.read()
    assert pages.operations() == {("disk_create", "outside"): 1, ("hosting_account_product_add", "outside"): 1}
    assert pages.changes() == {("appeared", "disk", disk_id): 1, ("appeared", "product", product_id): 1}


@pytest.mark.parametrize("is_operation_read_first", [False, True])
def test_order_of_reading_makes_no_difference(
    pages: Pages, account: Account, remote: Member, is_operation_read_first: bool
) -> None:
    """The mirror is read by rounds, and operations by polls: either may be first."""
    vm_id = remote.new_vm(hostname="elsewhere")
    if not is_operation_read_first:
        session = ApiSession(Account.objects.select_related("endpoint", "team").get(pk=account.pk), Priority.MEMBER)
        session.open()
        mirror.refresh(session, vms={vm_id})
        assert pages.changes()["appeared", "vm", vm_id] == 1
    pages.read()
    assert pages.operations() == {("vm_create", "outside"): 1}
    assert pages.changes()["appeared", "vm", vm_id] == 1
    assert not Change.objects.exclude(what="appeared").exists()


def test_own_operation_is_no_external_change_and_hides_none_of_another_object(
    pages: Pages, account: Account, owner: Membership, remote: Member, engine: Engine
) -> None:
    ours, theirs = remote.new_vm(hostname="ours"), remote.new_vm(hostname="theirs")
    pages.begin()
    own = submit(StopVm(ours), account=account, by=owner)
    remote.done(remote.vm_stop(theirs))
    engine.finish(own)
    pages.read()
    assert pages.operations() == {("vm_stop", "panel"): 1, ("vm_stop", "outside"): 1}
    assert pages.changes() == {("changed", "vm", theirs): 1}
    assert set(Vm.objects.values_list("state", flat=True)) == {"halted"}
