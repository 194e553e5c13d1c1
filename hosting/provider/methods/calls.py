"""The context of a call: its session, what it may access, and the operation it creates."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hosting.provider import tasks
from hosting.provider.engine.accept import accept
from hosting.provider.faults import Object, no_right, not_found
from hosting.provider.methods.structs import INTERFACE
from hosting.provider.models import ApiSession, Disk, Handle, HostingAccount, Operation, Product, Vm

Owned = Vm | Disk | Product | Operation


@dataclass
class Call:
    """The context of a call. `scripted_failure`: the error with which its operation is to end, if any."""

    session: ApiSession
    scripted_failure: str = ""

    @property
    def handle(self) -> Handle:
        return self.session.handle

    @property
    def account(self) -> HostingAccount:
        """The hosting account of the session's handle. Raises fault 530040 when it has none."""
        try:
            return self.handle.hosting_account
        except HostingAccount.DoesNotExist:
            raise not_found(Object.HOSTING_ACCOUNT, "handle", self.handle.handle) from None

    def lock_account(self) -> None:
        """Keep other calls on the account out until the transaction ends: capacity and money are counted."""
        HostingAccount.objects.select_for_update().filter(handle=self.handle).first()

    def vm(self, vm_id: int) -> Vm:
        """The VM with this id, of any account. Raises fault 580140 when there is none."""
        try:
            return Vm.objects.select_related("os", *INTERFACE).get(pk=vm_id)
        except Vm.DoesNotExist:
            raise not_found(Object.VM, "vm_id", vm_id) from None

    def disk(self, disk_id: int) -> Disk:
        """The disk with this id, of any account. Raises fault 580240 when there is none."""
        try:
            return Disk.objects.get(pk=disk_id)
        except Disk.DoesNotExist:
            raise not_found(Object.DISK, "disk_id", disk_id) from None

    def owned(self, *rows: Owned) -> None:
        """Raises a fault with cause 50 for the first row that belongs to another account."""
        account = self.account
        for row in rows:
            if row.account_id != account.pk:
                about = Object[type(row).__name__.upper()]
                raise no_right(about, f"{about.name.lower()}_id", row.pk)

    def may_write(self) -> None:
        """Raises fault 510250 in safe mode: such a session changes nothing before `su`."""
        if self.session.safe:
            raise no_right(Object.SESSION, "session", None, "this session is in safe mode: su first")

    def accept(
        self,
        kind: str,
        params: dict[str, Any],
        *,
        vm: Vm | None = None,
        disk: Disk | None = None,
        product: Product | None = None,
        password: str = "",
        user_data: str = "",
        unit_price: Decimal = Decimal(0),
        reserved: Decimal = Decimal(0),
    ) -> Operation:
        """Write the operation in the call's transaction, and wake the engine.

        `reserved`: how much of the balance it reserves until it ends, in EUR.
        """
        operation = accept(
            self.account,
            kind,
            params,
            vm=vm,
            disk=disk,
            product=product,
            password=password,
            user_data=user_data,
            unit_price=unit_price,
            reserved=reserved,
            scripted_failure=self.scripted_failure,
        )
        tasks.wake_engine()
        return operation
