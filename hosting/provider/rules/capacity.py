"""What a hosting account has, uses and may still promise, read from its rows."""

from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from hosting.provider.faults import Object, bad_state
from hosting.provider.models import Disk, HostingAccount, Operation, Product, Vm
from hosting.provider.rules import values
from hosting.provider.rules.quota import Bought, Capacity, capacity_of, split_expired

VM_LIVE = (Vm.State.BEING_CREATED, Vm.State.RUNNING, Vm.State.HALTED, Vm.State.PAUSED, Vm.State.LOCKED)
DISK_LIVE = (Disk.State.BEING_CREATED, Disk.State.CREATED, Disk.State.ATTACHED)


def listed(rows: QuerySet[Product]) -> QuerySet[Product]:
    """Those of the products that are in force or in redemption."""
    return rows.filter(state=Product.State.ACTIVE, date_end__gt=timezone.now() - values.REDEMPTION)


def bought(account: HostingAccount) -> list[Bought]:
    """The products of `account`, each with the least quantity that its open operations may leave."""
    least: dict[int, int] = {}
    shrinking = account.operations.filter(
        state__in=Operation.OPEN,
        type__in=("hosting_account_product_update", "hosting_account_product_remove"),
    )
    for product_id, params in shrinking.values_list("product_id", "params"):
        if product_id is not None:
            least[product_id] = min(least.get(product_id, 1 << 31), params.get("quantity", 0))
    rows = listed(account.products.all())
    return [Bought(row.product_name, min(row.quantity, least.get(row.pk, row.quantity)), row.date_end) for row in rows]


def granted_and_expired(account: HostingAccount) -> tuple[Capacity, Capacity]:
    """What the products in force grant, and what those in redemption granted."""
    live, redeemable = split_expired(bought(account), timezone.now())
    return capacity_of(live), capacity_of(redeemable)


def used(account: HostingAccount) -> Capacity:
    """What VMs and disks use, growth that was accepted included."""
    vms = account.vms.filter(state__in=VM_LIVE)
    totals = vms.aggregate(shares=Sum("shares"), servers=Count("pk"))
    shares = totals["shares"] or 0
    peaks: dict[int, int] = {}
    growing = account.operations.filter(state__in=Operation.OPEN, type="vm_update", vm__state__in=VM_LIVE)
    for vm_id, now, params in growing.values_list("vm_id", "vm__shares", "params"):
        if vm_id is not None:
            peaks[vm_id] = max(peaks.get(vm_id, 0), params.get("shares", 0) - (now or 0))
    disk = account.disks.filter(state__in=DISK_LIVE).aggregate(total=Sum("size"))["total"] or 0
    return Capacity(shares + sum(peaks.values()), disk, totals["servers"])


def require(account: HostingAccount, *, shares: int = 0, disk_mb: int = 0) -> None:
    """Raises DataFault (cause 60) unless that much more can be promised. Call it with the account locked."""
    left = granted_and_expired(account)[0] - used(account)
    if shares > 0 and shares > left.shares:
        raise bad_state(Object.PRODUCT, "shares", shares, f"not enough shares: {max(0, left.shares)} available")
    if disk_mb > 0 and disk_mb > left.disk_mb:
        reason = f"not enough disk quota: {max(0, left.disk_mb)} MB available"
        raise bad_state(Object.PRODUCT, "size", disk_mb, reason)
