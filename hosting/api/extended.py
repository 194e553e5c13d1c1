"""The API's extensions (contract, "Extensions"): use those that the server lists."""

from collections.abc import Sequence
from datetime import datetime

from hosting.api.caller import Caller
from hosting.api.methods import (
    CHANGES,
    CONSOLE,
    DISK_INFO_MANY,
    IP_REVERSE,
    OPERATION_DETAILS_MANY,
    PRICES,
    VM_INFO_MANY,
    VM_REINSTALL,
    VM_RENAME,
    VM_STATS,
)
from hosting.api.structs import Changes, ConsoleTicket, Disk, OperationDetails, PriceList, Vm, VmStats


class Extensions(Caller):
    """What a server may have beside version 1."""

    __slots__ = ()

    def vm_info_many(self, ids: Sequence[int]) -> list[Vm]:
        """Those of at most `MANY` servers that exist."""
        return [Vm.from_wire(each) for each in self._array(VM_INFO_MANY, list(ids))]

    def disk_info_many(self, ids: Sequence[int]) -> list[Disk]:
        """Those of at most `MANY` disks that exist."""
        return [Disk.from_wire(each) for each in self._array(DISK_INFO_MANY, list(ids))]

    def operation_details_many(self, ids: Sequence[int]) -> list[OperationDetails]:
        """Those of at most `MANY` operations that exist."""
        return [OperationDetails.from_wire(each) for each in self._array(OPERATION_DETAILS_MANY, list(ids))]

    def changes(self, cursor: str, wait_s: int) -> Changes:
        """What has changed since `cursor`; with an empty one, where to begin now.

        The server holds the call for up to `wait_s` seconds (0 to 25) while there is nothing new.

        Raises:
            DataFault: 5 804 40, the cursor is unknown or too old: everything must be read anew.
        """
        return Changes.from_wire(self._call(CHANGES, cursor, wait_s))

    def prices(self) -> PriceList:
        """What a purchase will cost."""
        return PriceList.from_wire(self._call(PRICES))

    def vm_stats(self, vm_id: int, since: datetime, step_s: int) -> list[VmStats]:
        """What a server has used since an aware time: averages over steps of 60 to 86,400 seconds.

        A step is as it was when the call was made; the last one may still change.
        """
        return [VmStats.from_wire(each) for each in self._array(VM_STATS, vm_id, since, step_s)]

    def console(self, vm_id: int) -> ConsoleTicket:
        """A ticket for the console of a running VM; it lets one connection in.

        Raises:
            DataFault: 5 801 60, the VM does not run.
        """
        return ConsoleTicket.from_wire(self._call(CONSOLE, vm_id))

    def vm_rename(self, vm_id: int, hostname: str) -> int:
        """Give a VM another host name, which it takes when it boots next; the operation's id."""
        return self._id(VM_RENAME, vm_id, hostname)

    def vm_reinstall(self, vm_id: int, os_id: int, password: str) -> int:
        """Make the system disk of a halted VM anew; the operation's id. `password`: as for `vm_create`."""
        return self._id(VM_REINSTALL, vm_id, os_id, password, secrets=(password,))

    def ip_reverse(self, ip_id: int, name: str) -> int:
        """Name an address in the DNS, or with an empty name as it was named at first; the operation's id."""
        return self._id(IP_REVERSE, ip_id, name)
