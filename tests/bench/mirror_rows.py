"""Accounts of any size in the panel's database, without a provider."""

from datetime import timedelta

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import Disk, Vm
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests import factories

_OPEN_OPERATIONS = 5


def account_with(vms: int, owner: Membership) -> Account:
    """An account with that many servers, as many disks (every other one attached) and as many operations."""
    account = factories.account(owner.team, label=f"{vms} servers")
    for number in range(5):
        factories.product(account, ends_in_days=10 + 20 * number)
    now = timezone.now()
    address = {"id": 1, "ip": "192.0.2.1", "version": 4, "reverse": "host.example.org"}
    ifaces = [{"id": 1, "type": "public", "bandwidth": 5120.0, "ips": [address]}]
    Vm.objects.bulk_create(
        (
            Vm(
                account=account,
                remote_id=number,
                read_at=now,
                hostname=f"web-{number:05}",
                state=Vm.State.HALTED if number % 3 == 0 else Vm.State.RUNNING,
                os_id=3,
                os_label="Debian 12",
                shares=2,
                cores=1,
                memory_mb=512,
                vm_max_memory_mb=2048,
                ifaces=ifaces,
                date_created=now - timedelta(days=40),
            )
            for number in range(1, vms + 1)
        ),
        batch_size=500,
    )
    Disk.objects.bulk_create(
        (
            Disk(
                account=account,
                remote_id=number,
                read_at=now,
                name=f"data-{number:05}",
                size_mb=8192,
                fstype="ext3",
                type="data",
                state=Disk.State.CREATED if number % 2 else Disk.State.ATTACHED,
                vm_remote_id=None if number % 2 else number,
                position=None if number % 2 else 1,
                date_created=now - timedelta(days=20),
            )
            for number in range(1, vms + 1)
        ),
        batch_size=500,
    )
    Operation.objects.bulk_create(
        (
            Operation(
                account=account,
                requested_by=owner.user,
                kind="vm_reboot",
                params={"vm_id": number},
                subject=f"web-{number:05}",
                target=f"vm:{number}",
                vm_id=number,
                state=State.TRACKED if number <= _OPEN_OPERATIONS else State.DONE,
                remote_state="RUN" if number <= _OPEN_OPERATIONS else "DONE",
                remote_id=number,
                sent_at=now,
                answered_at=now,
                started_at=now,
                eta_at=now + timedelta(minutes=10),
                finished_at=None if number <= _OPEN_OPERATIONS else now,
            )
            for number in range(1, vms + 1)
        ),
        batch_size=500,
    )
    return account
