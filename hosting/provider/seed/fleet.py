"""Many VMs and disks at once, to measure with."""

from django.db import transaction
from django.utils import timezone

from hosting.provider.engine import address_pools, simulation
from hosting.provider.models import Disk, HostingAccount, OsImage, Product, Vm
from hosting.provider.rules.periods import add_months
from hosting.provider.seed.demo import OLD_MAX_MEMORY_MB


@transaction.atomic
def seed_fleet(handle: str, vms: int, disks: int) -> None:
    """Add running VMs of one share each, unattached disks of 1 GB, and the products that they need."""
    account = HostingAccount.objects.select_related("handle").get(handle__handle=handle)
    now = timezone.now()
    for name, quantity in (("shares", vms), ("disk", disks * 1024)):
        if quantity:
            Product.objects.create(
                account=account,
                product_name=name,
                quantity=quantity,
                duration="1y",
                unit_price=0,
                state=Product.State.ACTIVE,
                date_created=now,
                date_end=add_months(now, 12, now.day),
                anchor_day=now.day,
            )
    image = OsImage.objects.filter(offered=True).order_by("min_disk")[0]
    first = (Vm.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
    made = Vm.objects.bulk_create(
        [
            Vm(
                account=account,
                hostname=f"fleet-{first + number}",
                state=Vm.State.RUNNING,
                os=image,
                shares=1,
                cores=1,
                vm_max_memory=OLD_MAX_MEMORY_MB,
                date_created=now,
                date_updated=now,
            )
            for number in range(vms)
        ],
        batch_size=500,
    )
    address_pools.give_all(made)
    common = {"account": account, "fstype": "ext3", "date_created": now, "date_updated": now}
    system = [
        Disk(
            name=f"sys_{vm.hostname}",
            size=image.min_disk,
            type=Disk.Type.SYSTEM,
            os=image,
            state=Disk.State.ATTACHED,
            vm=vm,
            position=0,
            **common,
        )
        for vm in made
    ]
    data = [Disk(name=f"data-{number}", size=1024, state=Disk.State.CREATED, **common) for number in range(disks)]
    disks_made = Disk.objects.bulk_create(system + data, batch_size=500)
    if simulation.is_on():
        simulation.adopt(
            Vm.objects.filter(account=account, pk__gte=first), Disk.objects.filter(pk__gte=disks_made[0].pk)
        )
