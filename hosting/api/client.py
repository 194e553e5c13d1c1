"""Every method of the Hosting API, typed. One method here is one call, sent once.

Each raises what `Transport.call` raises; a reply of another type than the contract says is `Garbled`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from hosting.api.caller import text
from hosting.api.errors import Garbled
from hosting.api.extended import Extensions
from hosting.api.methods import CHANGING, ONCE
from hosting.api.structs import (
    Disk,
    DiskLink,
    HostingAccount,
    OperationDetails,
    OperationFilter,
    OsImage,
    Vm,
)
from hosting.api.transport import Transport

Identified = TypeVar("Identified", Vm, Disk, OperationDetails)
# More than any balance; a larger reply is invalid.
_MAX_AMOUNT = 10**12
# Shorter lines of a script say nothing by themselves, such as `fi`.
_TELLING = 6


def login(transport: Transport, login: str, password: str, *, safe: bool = True) -> str:
    """A session id, good for 12 hours. It is a secret.

    With `safe`, the session may only read until `su` (contract, "Sessions").

    Raises:
        CredentialsRefused: the login or its password is wrong.
    """
    return _session(transport.call("login", (login, password, safe), secrets=(password,)), "login")


def su(transport: Transport, session: str, handle: str) -> str:
    """A session id limited to the rights of `handle`, the login's own or a customer's. It is a secret."""
    return _session(transport.call("su", (session, handle), secrets=(session,)), "su")


class Client(Extensions):
    """The API as one session sees it.

    Args:
        transport: where calls go; it may be shared.
        session: a secret from `login` or `su`; no repr, message or log shows it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Client({self.transport!r})"

    def keyed(self, key: str) -> "Client":
        """The same session, whose changes are carried out at most once for `key`, however often they are asked for.

        The key has 1 to 64 of `A-Za-z0-9-_`, and the server must list `ONCE` (contract, "Extensions"). The provider
        keeps the first answer for 30 days and gives it again; it refuses a key that came with other parameters (fault
        5 200 30), and one whose first call is still being carried out (5 200 60).
        """
        return _KeyedClient(self.transport, self._session, key)

    def methods(self) -> list[str]:
        """The methods and extensions that the server serves, by `system.listMethods`. Needs no session."""
        value = self.transport.call("system.listMethods", ())
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise Garbled("The reply to system.listMethods is no array of names.")
        return value

    def help(self, method: str) -> str:
        """What the server says of a method, by `system.methodHelp`. Needs no session."""
        return text(self.transport.call("system.methodHelp", (method,)), "system.methodHelp")

    def account_currency(self) -> str:
        """The ISO 4217 code of the prepaid account's currency."""
        return text(self._call("account_currency"), "account_currency")

    def account_balance(self) -> Decimal:
        """The prepaid balance, in the account's currency."""
        value = self._call("account_balance")
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _MAX_AMOUNT:
            raise Garbled("The reply to account_balance is no amount.")
        return Decimal(str(value))

    def hosting_account_info(self) -> HostingAccount:
        """Products and resources of the hosting account."""
        return HostingAccount.from_wire(self._call("hosting_account_info"))

    def hosting_account_product_add(self, product_name: str, quantity: int, duration: str) -> int:
        """Buy; the operation's id.

        `product_name` is `shares`, `shares_fixed` or `disk`; `quantity` counts shares, or MB of disk;
        `duration` is such as `1m` or `2y`, at most 5 years (specification).
        """
        return self._id("hosting_account_product_add", product_name, quantity, duration)

    def hosting_account_product_renew(self, product_id: int, duration: str) -> int:
        """Renew a product for a duration such as `1m`; the operation's id."""
        return self._id("hosting_account_product_renew", product_id, duration)

    def hosting_account_product_remove(self, product_id: int) -> int:
        """Remove a product; the operation's id."""
        return self._id("hosting_account_product_remove", product_id)

    def hosting_account_product_update(self, product_id: int, quantity: int) -> int:
        """Give a product a new quantity, in shares or MB; the operation's id."""
        return self._id("hosting_account_product_update", product_id, quantity)

    def vm_create(
        self,
        hostname: str,
        password: str,
        os_id: int,
        shares: int,
        cpu: int,
        *,
        login: str,
        ssh_keys: Sequence[str] = (),
        user_data: str = "",
    ) -> int:
        """Create a VM; the VM's id. Its operation is found with `operation_list`.

        `password` is the secret of root or of the user `login`, 8 to 64 characters (contract, "VMs"). Public keys and
        `user_data`, which may hold secrets too, are sent only if there are any: not every server takes them.
        """
        specs: dict[str, object] = {"login": login}
        if ssh_keys:
            specs["ssh_keys"] = list(ssh_keys)
        if user_data:
            specs["user_data"] = user_data
        # A fault may quote a part of a script: each of its lines is a secret.
        lines = (line.strip() for line in user_data.splitlines())
        secrets = (password, user_data, *(line for line in lines if len(line) >= _TELLING))
        return self._id("vm_create", hostname, password, os_id, shares, cpu, specs, secrets=secrets)

    def vm_info(self, vm_id: int) -> Vm:
        """Everything about a VM."""
        return _same(Vm.from_wire(self._call("vm_info", vm_id)), vm_id)

    def vm_list(self) -> list[int]:
        """The ids of the account's VMs."""
        return self._ids("vm_list")

    def vm_update(
        self,
        vm_id: int,
        *,
        shares: int | None = None,
        cpu: int | None = None,
        vm_max_memory_mb: int | None = None,
    ) -> int:
        """Change what is not None; the operation's id. Some changes need a halted VM (contract, "VMs")."""
        specs = {"shares": shares, "cpu": cpu, "vm_max_memory": vm_max_memory_mb}
        return self._id("vm_update", vm_id, {name: value for name, value in specs.items() if value is not None})

    def vm_delete(self, vm_id: int) -> int:
        """Delete a stopped VM; the operation's id."""
        return self._id("vm_delete", vm_id)

    def vm_start(self, vm_id: int) -> int:
        """Boot or unpause; the operation's id."""
        return self._id("vm_start", vm_id)

    def vm_stop(self, vm_id: int) -> int:
        """Shut down; the operation's id."""
        return self._id("vm_stop", vm_id)

    def vm_reboot(self, vm_id: int) -> int:
        """Reboot softly; the operation's id."""
        return self._id("vm_reboot", vm_id)

    def vm_disk_list(self, vm_id: int) -> list[int]:
        """The ids of a VM's disks, in the order of their positions."""
        return self._ids("vm_disk_list", vm_id)

    def vm_disk_link(self, vm_id: int, disk_id: int) -> DiskLink:
        """How a disk is attached to a VM."""
        return DiskLink.from_wire(self._call("vm_disk_link", vm_id, disk_id))

    def disk_create(self, *, size_mb: int, name: str, fstype: str) -> int:
        """Create a disk; the disk's id. Its operation is found with `operation_list`.

        `fstype` is ext3, reiserfs, xfs or jfs; sizes go from 1,024 to 1,048,576 MB (contract, "Disks").
        """
        return self._id("disk_create", {"size": size_mb, "name": name, "fstype": fstype})

    def disk_info(self, disk_id: int) -> Disk:
        """Everything about a disk."""
        return _same(Disk.from_wire(self._call("disk_info", disk_id)), disk_id)

    def disk_list(self) -> list[int]:
        """The ids of the account's disks."""
        return self._ids("disk_list")

    def disk_delete(self, disk_id: int) -> int:
        """Delete an unattached disk; the operation's id."""
        return self._id("disk_delete", disk_id)

    def disk_attach(self, disk_id: int, vm_id: int) -> int:
        """Attach a disk to a VM; the operation's id."""
        return self._id("disk_attach", disk_id, vm_id)

    def disk_detach(self, disk_id: int, vm_id: int) -> int:
        """Detach a disk from a VM; the operation's id. A system disk leaves only a halted VM."""
        return self._id("disk_detach", disk_id, vm_id)

    def operation_list(self, filter: OperationFilter | None = None) -> list[int]:  # noqa: A002
        """The ids of the operations that match, newest first, at most 300."""
        return self._ids("operation_list", *(() if filter is None else (filter.to_wire(),)))

    def operation_details(self, operation_id: int) -> OperationDetails:
        """Everything about an operation."""
        return _same(OperationDetails.from_wire(self._call("operation_details", operation_id)), operation_id)

    def operation_cancel(self, operation_id: int) -> bool:
        """Cancel an operation that is still PENDING; whether it was."""
        value = self._call("operation_cancel", operation_id)
        if not isinstance(value, int) or value not in {0, 1}:
            raise Garbled("The reply to operation_cancel is no boolean.")
        return bool(value)

    def os_list(self) -> list[OsImage]:
        """The systems a VM can be made with."""
        return [OsImage.from_wire(each) for each in self._array("os_list")]


class _KeyedClient(Client):
    __slots__ = ("_key",)

    def __init__(self, transport: Transport, session: str, key: str) -> None:
        super().__init__(transport, session)
        self._key = key

    def _call(self, method: str, *params: object, secrets: tuple[str, ...] = ()) -> object:
        if method not in CHANGING:
            return super()._call(method, *params, secrets=secrets)
        value = self.transport.call(
            ONCE, (self._session, self._key, method, list(params)), secrets=(self._session, *secrets), fresh=True
        )
        if not isinstance(value, dict) or "result" not in value:
            raise Garbled(f"The reply to {ONCE} holds no result.")
        return value["result"]


def _same(struct: Identified, asked: int) -> Identified:
    if struct.id != asked:
        raise Garbled("The reply is about another object than was asked for.")
    return struct


def _session(value: object, method: str) -> str:
    return text(value, method)
