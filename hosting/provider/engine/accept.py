"""Accept an operation: write its row, for a call or for what the provider does by itself."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from hosting.provider import news
from hosting.provider.engine.driver import driver
from hosting.provider.models import Disk, HostingAccount, Operation, Product, Vm
from hosting.provider.sealing import seal


def accept(
    account: HostingAccount,
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
    scripted_failure: str = "",
) -> Operation:
    """Write the operation in the current transaction, in which the account is locked.

    `reserved`: how much of the balance it reserves until it ends, in EUR. `scripted_failure`: the error with which it
    is to end, if any.
    """
    now = timezone.now()
    operation = Operation(
        account=account,
        source=account.handle,
        type=kind,
        vm=vm,
        disk=disk,
        product=product,
        params=params,
        sealed_password=seal(password) if password else "",
        sealed_user_data=seal(user_data) if user_data else "",
        unit_price=unit_price,
        reserved=reserved,
        scripted_failure=scripted_failure,
        date_created=now,
        date_updated=now,
    )
    operation.date_expected = now + timedelta(seconds=driver().estimate_s(kind))
    operation.save(force_insert=True)
    news.note_accepted(operation)
    return operation
