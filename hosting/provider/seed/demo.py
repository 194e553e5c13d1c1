"""Demo data: a reseller with two customers, as after some months of use."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from hosting.provider import ledger
from hosting.provider.engine import address_pools, simulation
from hosting.provider.models import (
    Disk,
    Handle,
    HostingAccount,
    LedgerTransaction,
    Operation,
    OsImage,
    Price,
    Product,
    Vm,
)
from hosting.provider.rules import products
from hosting.provider.rules.periods import add_months
from hosting.provider.rules.quota import max_memory_mb
from hosting.provider.rules.validation import duration_months

RESELLER = "AA1234-GANDI"
PASSWORD = "mypassword"  # noqa: S105 (the one in the published samples)
PRICES = {"shares": Decimal(12), "shares_fixed": Decimal(10), "disk": Decimal("0.0002")}
# VMs of some months ago could grow to this.
OLD_MAX_MEMORY_MB = 2048
# id, label, arch, kernel, system disk in MB
IMAGES = [
    (101, "Debian 11", "x86-64", "5.10", 3072),
    (102, "Debian 12", "x86-64", "6.1", 3072),
    (103, "Debian 13", "x86-64", "6.12", 3072),
    (104, "Ubuntu 22.04 LTS", "x86-64", "5.15", 4096),
    (105, "Ubuntu 24.04 LTS", "x86-64", "6.8", 5120),
    (106, "Rocky Linux 9", "x86-64", "5.14", 6144),
    (107, "AlmaLinux 10", "x86-64", "6.12", 6144),
    (108, "Fedora Server 43", "x86-64", "6.17", 7168),
    (110, "Debian 4", "x86-32", "2.6.18", 1024),
    (111, "Debian 5", "x86-64", "2.6.27", 2048),
    (112, "CentOS 5", "x86-64", "2.6.18", 3072),
]


@transaction.atomic
def seed_demo() -> bool:
    """Make the demonstration in an empty database. False when there is anything already.

    With real hosts its VMs are halted and its disks are rows: they are made when a VM is first started.
    """
    if Handle.objects.exists():
        return False
    now = timezone.now()
    address_pools.make_default_pools()
    for name, amount in PRICES.items():
        Price.objects.create(product_name=name, amount=amount)
    for pk, label, arch, kernel, min_disk in IMAGES:
        OsImage.objects.create(pk=pk, label=label, arch=arch, kernel_version=kernel, min_disk=min_disk)
    reseller = add_handle(RESELLER, "Agence Aurore", "950.00", PASSWORD)
    _reseller_has(reseller.hosting_account, now)
    bakery = add_handle("BM2201-GANDI", "Boulangerie Martin", "120.00", reseller=reseller)
    _product(bakery.hosting_account, "shares", 3, "6m", now - timedelta(days=40), pk=1401)
    _vm(bakery.hosting_account, 3001, "boutique", 102, 1, now - timedelta(days=39))
    studio = add_handle("CL3307-GANDI", "Studio Clément", "60.00", reseller=reseller)
    _product(studio.hosting_account, "shares", 2, "1y", now - timedelta(days=200), pk=1501)
    _vm(studio.hosting_account, 3101, "portfolio", 104, 2, now - timedelta(days=199), cores=2)
    add_handle("ZZ9001-GANDI", "A stranger", "10.00", "somebody3lse")
    add_handle("NH9002-GANDI", "Domains only", "5.00", reseller=reseller, hosting=False)
    reset_sequences()
    if simulation.is_on():
        simulation.host()
        simulation.adopt(Vm.objects.all(), Disk.objects.all())
    else:
        Vm.objects.update(state=Vm.State.HALTED, wanted=Vm.Wanted.HALTED)
    return True


def add_handle(
    name: str,
    fullname: str,
    balance: str,
    password: str = "",
    reseller: Handle | None = None,
    *,
    hosting: bool = True,
) -> Handle:
    """A handle with money in its prepaid account, and with an empty hosting account unless told otherwise."""
    handle = Handle.objects.create(
        handle=name,
        fullname=fullname,
        password=make_password(password) if password else "",
        reseller=reseller,
    )
    ledger.deposit(handle, Decimal(balance), "deposit by bank transfer")
    if hosting:
        HostingAccount.objects.create(handle=handle)
    return handle


def _reseller_has(account: HostingAccount, now: datetime) -> None:
    """Twelve shares, two of them free, one product that ends in five days."""
    _product(account, "shares", 8, "1y", now - timedelta(days=120), pk=1234)
    soon = now + timedelta(days=5)
    _product(account, "shares_fixed", 4, "1m", add_months(soon, -1, soon.day), pk=1301, anchor_day=soon.day)
    _product(account, "disk", 20480, "3m", now - timedelta(days=20), pk=1302)
    web = _vm(account, 456, "web1", 102, 3, now - timedelta(days=119), cores=2)
    _vm(account, 1234, "db1", 105, 3, now - timedelta(days=110))
    _vm(account, 2001, "mail1", 103, 2, now - timedelta(days=60), cores=2)
    _vm(account, 2002, "dev1", 111, 1, now - timedelta(days=30), state=Vm.State.PAUSED)
    _vm(account, 9876, "test1", 104, 1, now - timedelta(days=9), state=Vm.State.HALTED)
    _disk(account, 123, "web-data", 8192, now - timedelta(days=100), vm=web, position=1)
    _disk(account, 1928, "old-backup", 4096, now - timedelta(days=70))
    failed = now - timedelta(days=3)
    _operation(account, "vm_reboot", failed, {"vm_id": 2001}, vm_id=2001, error="the VM did not answer in time")
    stopped = now - timedelta(days=2)
    _operation(account, "vm_stop", stopped, {"vm_id": 9876}, vm_id=9876)


def _product(
    account: HostingAccount,
    name: str,
    quantity: int,
    duration: str,
    bought: datetime,
    *,
    pk: int,
    anchor_day: int | None = None,
) -> None:
    anchor_day = anchor_day or bought.day
    end = add_months(bought, duration_months(duration), anchor_day)
    product = Product.objects.create(
        pk=pk,
        account=account,
        product_name=name,
        quantity=quantity,
        duration=duration,
        unit_price=PRICES[name],
        state=Product.State.ACTIVE,
        date_created=bought,
        date_end=end,
        anchor_day=anchor_day,
    )
    params = {"product_name": name, "quantity": quantity, "duration": duration}
    operation = _operation(account, products.ADD, bought, params, product_id=product.pk)
    amount = products.cost(
        products.ADD, products.Terms(quantity, end, PRICES[name], anchor_day), params, PRICES[name], bought
    )
    ledger.deposit(account.handle, amount, "deposit by bank transfer")
    ledger.charge(account.handle, amount, f"{products.ADD} #{operation.pk}", operation)
    LedgerTransaction.objects.filter(operation=operation).update(date=bought)


def _vm(
    account: HostingAccount,
    pk: int,
    hostname: str,
    os_id: int,
    shares: int,
    made: datetime,
    *,
    cores: int = 1,
    state: Vm.State = Vm.State.RUNNING,
) -> Vm:
    vm = Vm.objects.create(
        pk=pk,
        account=account,
        hostname=hostname,
        state=state,
        os_id=os_id,
        login="admin",
        shares=shares,
        cores=cores,
        vm_max_memory=OLD_MAX_MEMORY_MB if simulation.is_on() else max_memory_mb(shares),
        date_created=made,
        date_updated=made,
    )
    address_pools.give_at(vm, pk)
    size = OsImage.objects.get(pk=os_id).min_disk
    disk = _disk(account, pk + 10000, f"sys_{hostname}", size, made, vm=vm, position=0, os_id=os_id)
    params = {
        "vm_id": pk,
        "hostname": hostname,
        "os_id": os_id,
        "shares": shares,
        "cpu": cores,
        "login": "admin",
    }
    _operation(account, "vm_create", made, params, vm_id=pk, disk_id=disk.pk)
    return vm


def _disk(
    account: HostingAccount,
    pk: int,
    name: str,
    size: int,
    made: datetime,
    *,
    vm: Vm | None = None,
    position: int | None = None,
    os_id: int | None = None,
) -> Disk:
    """A data disk, or with an operating system the system disk of `vm`."""
    disk = Disk.objects.create(
        pk=pk,
        account=account,
        name=name,
        size=size,
        fstype="ext3",
        type=Disk.Type.SYSTEM if os_id else Disk.Type.DATA,
        os_id=os_id,
        state=Disk.State.ATTACHED if vm else Disk.State.CREATED,
        vm=vm,
        position=position,
        date_created=made,
        date_updated=made,
    )
    if os_id is None:
        params = {"disk_id": pk, "size": size, "name": name, "fstype": "ext3"}
        _operation(account, "disk_create", made, params, disk_id=pk)
        if vm:
            attached = made + timedelta(minutes=5)
            _operation(account, "disk_attach", attached, {"disk_id": pk, "vm_id": vm.pk}, disk_id=pk, vm_id=vm.pk)
    return disk


def _operation(
    account: HostingAccount, kind: str, when: datetime, params: dict[str, Any], *, error: str = "", **on: int
) -> Operation:
    """An operation that ended in the past."""
    ended = Operation.State.ERROR if error else Operation.State.DONE
    return Operation.objects.create(
        account=account,
        source=account.handle,
        type=kind,
        state=ended,
        step=ended,
        params=params,
        last_error=error,
        date_created=when,
        date_start=when,
        date_updated=when + timedelta(seconds=40),
        **on,
    )


def reset_sequences() -> None:
    """Set sequences past the ids that were given by hand. SQLite does that itself."""
    models = list(apps.get_app_config("provider").get_models())
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
