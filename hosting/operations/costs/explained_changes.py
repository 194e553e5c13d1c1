"""Tell which changes in the mirror come from Sharedeck's own operations; the others are external changes.

An external operation explains nothing: it is listed among the operations, and what it has changed among the external
changes, whichever of the two is read first. What the provider does by itself names its reason, and is explained.
"""

from datetime import timedelta

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.apply import Explained
from hosting.operations.kinds.catalogue import AddProduct
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import UNDER_WAY

# A change may show in the mirror this long after its operation has finished.
_SHOWS_WITHIN = timedelta(minutes=2)
_OBJECT_TYPES = ("vm", "disk", "product")


def by_operations(account: Account) -> Explained:
    """A function that tells whether an open or recent operation of the account explains a change. One query."""
    known = (
        Operation.objects.filter(account=account)
        .order_by()
        .only("kind", "origin", "params", "vm_id", "disk_id", "product_id")
    )
    # Each half uses an index; one condition with OR would read the account's whole history.
    recent = list(
        known.filter(state__in=UNDER_WAY).union(known.filter(finished_at__gte=timezone.now() - _SHOWS_WITHIN), all=True)
    )
    own = [each for each in recent if _explains(each)]
    ids, external_ids = _objects(own), _objects([each for each in recent if not _explains(each)])
    names = {name for operation in own for key in ("hostname", "name") if (name := operation.params.get(key))}
    # The product id of a purchase is unknown at first, so match by name. A renewal has its id and must match by it.
    bought = {operation.params.get("product_name") for operation in own if operation.kind == AddProduct.method}
    # Creating or deleting a server, and any change of a disk, may change other disks too.
    touches_disks = any(operation.kind.startswith(("disk_", "vm_create", "vm_delete")) for operation in own)

    def explained(object_type: str, remote_id: int, name: str) -> bool:
        if (object_type, remote_id) in ids:
            return True
        return (object_type, remote_id) not in external_ids and (
            (bool(name) and name in names)
            or (object_type == "product" and name in bought)
            or (object_type == "disk" and touches_disks)
        )

    return explained


def _explains(operation: Operation) -> bool:
    return operation.origin == Operation.Origin.PANEL or bool(operation.params.get("reason"))


def _objects(operations: list[Operation]) -> set[tuple[str, int | None]]:
    """The objects of these operations, by type and id."""
    return {
        (object_type, getattr(operation, f"{object_type}_id"))
        for operation in operations
        for object_type in _OBJECT_TYPES
    } - {(object_type, None) for object_type in _OBJECT_TYPES}
