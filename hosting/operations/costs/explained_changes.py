"""Which changes of the mirror are the work of Sharedeck's own operations, and which came from outside."""

from datetime import timedelta

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.apply import Explained
from hosting.operations.kinds.catalogue import AddProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import UNDER_WAY

# A change may show in the mirror a little after its operation is over.
_AFTERGLOW = timedelta(minutes=2)


def by_operations(account: Account) -> Explained:
    """Tell whether an open or recent operation of this account explains a change of an object, in one query."""
    known = (
        Operation.objects.filter(account=account).order_by().only("kind", "params", "vm_id", "disk_id", "product_id")
    )
    # Each half has an index; a condition with OR would read the account's whole history.
    recent = list(
        known.filter(state__in=UNDER_WAY).union(known.filter(finished_at__gte=timezone.now() - _AFTERGLOW), all=True)
    )
    ids = {
        (object_type, getattr(operation, f"{object_type}_id"))
        for operation in recent
        for object_type in ("vm", "disk", "product")
    }
    names = {name for operation in recent for key in ("hostname", "name") if (name := operation.params.get(key))}
    # A purchase does not know its product's id from the start. A renewal of one product explains no other's.
    bought = {operation.params.get("product_name") for operation in recent if operation.kind == AddProduct.method}
    # Creating, deleting or moving a server or disk changes the disks and servers beside it too.
    touches_disks = any(operation.kind.startswith(("disk_", "vm_create", "vm_delete")) for operation in recent)

    def explained(object_type: str, remote_id: int, name: str) -> bool:
        return (
            (object_type, remote_id) in ids
            or (bool(name) and name in names)
            or (object_type == "product" and name in bought)
            or (object_type == "disk" and touches_disks)
        )

    return explained
