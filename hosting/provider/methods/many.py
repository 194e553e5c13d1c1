"""Read many objects in one call (contract, Extensions). The number of queries does not depend on how many."""

from collections.abc import Iterable, Sequence
from typing import Any

from hosting.provider.faults import Object, bad_value
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.structs import INTERFACE, disk_struct, operation_struct, vm_struct

AT_MOST = 200


def _ids(about: Object) -> Param:
    return Param("ids", "array", about, of="int")


def _at_most(about: Object) -> Any:
    def check(ids: Sequence[int]) -> None:
        if len(ids) > AT_MOST:
            raise bad_value(about, "ids", f"{len(ids)} ids, {AT_MOST} at most")

    return check


def _in_order(ids: Sequence[int], structs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The structs in the order asked, each once."""
    found = {struct["id"]: struct for struct in structs}
    return [found[each] for each in dict.fromkeys(ids) if each in found]


@method("sharedeck.vm_info_many", _ids(Object.VM), check=_at_most(Object.VM))
def vm_info_many(call: Call, ids: list[int]) -> list[dict[str, Any]]:
    """What `vm_info` says of each of at most 200 VMs that exist and are one's own, in the order asked."""
    vms = call.account.vms.filter(pk__in=ids).select_related("os", *INTERFACE).prefetch_related("disks")
    return _in_order(ids, map(vm_struct, vms))


@method("sharedeck.disk_info_many", _ids(Object.DISK), check=_at_most(Object.DISK))
def disk_info_many(call: Call, ids: list[int]) -> list[dict[str, Any]]:
    """What `disk_info` says of each of at most 200 disks that exist and are one's own, in the order asked."""
    return _in_order(ids, map(disk_struct, call.account.disks.filter(pk__in=ids)))


@method("sharedeck.operation_details_many", _ids(Object.OPERATION), check=_at_most(Object.OPERATION))
def operation_details_many(call: Call, ids: list[int]) -> list[dict[str, Any]]:
    """What `operation_details` says of each of at most 200 operations that are one's own, in the order asked."""
    operations = call.account.operations.filter(pk__in=ids).select_related("source")
    return _in_order(ids, map(operation_struct, operations))
