"""Tell which changes in the mirror come from Sharedeck's own operations; the others are external changes."""

from datetime import timedelta

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.apply import Explained
from hosting.operations.kinds.catalogue import AddProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import UNDER_WAY

# A change may show in the mirror this long after its operation has finished.
_SHOWS_WITHIN = timedelta(minutes=2)


def by_operations(account: Account) -> Explained:
    """A function that tells whether an open or recent operation of the account explains a change. One query."""
    known = (
        Operation.objects.filter(account=account).order_by().only("kind", "params", "vm_id", "disk_id", "product_id")
    )
    # Each half uses an index; one condition with OR would read the account's whole history.
    recent = list(
        known.filter(state__in=UNDER_WAY).union(known.filter(finished_at__gte=timezone.now() - _SHOWS_WITHIN), all=True)
    )
    ids = {
        (object_type, getattr(operation, f"{object_type}_id"))
        for operation in recent
        for object_type in ("vm", "disk", "product")
    }
    names = {name for operation in recent for key in ("hostname", "name") if (name := operation.params.get(key))}
    # The product id of a purchase is unknown at first, so match by name. A renewal has its id and must match by it.
    bought = {operation.params.get("product_name") for operation in recent if operation.kind == AddProduct.method}
    # Creating or deleting a server, and any change of a disk, may change other disks too.
    touches_disks = any(operation.kind.startswith(("disk_", "vm_create", "vm_delete")) for operation in recent)

    def explained(object_type: str, remote_id: int, name: str) -> bool:
        return (
            (object_type, remote_id) in ids
            or (bool(name) and name in names)
            or (object_type == "product" and name in bought)
            or (object_type == "disk" and touches_disks)
        )

    return explained
