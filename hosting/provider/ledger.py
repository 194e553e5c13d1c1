"""Money, in double entry: whatever leaves one account arrives in another, in one transaction.

Amounts are `Decimal` in EUR with two places. An account's balance is the sum of its entries and is stored
nowhere else.
"""

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from hosting.provider import news
from hosting.provider.models import (
    Handle,
    HostingAccount,
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Operation,
)

CENT = Decimal("0.01")
BANK = "bank"  # where deposits come from: negative by what customers have paid in
SALES = "sales"


def account_of(handle: Handle) -> LedgerAccount:
    """The prepaid account of `handle`, opened on first use."""
    return LedgerAccount.objects.get_or_create(handle=handle, defaults={"code": f"prepaid:{handle.handle}"})[0]


def balance(handle: Handle) -> Decimal:
    """What `handle` has in its prepaid account."""
    total = LedgerEntry.objects.filter(account__handle=handle).aggregate(total=Sum("amount"))["total"]
    return (total or Decimal(0)).quantize(CENT)


def uncommitted(account: HostingAccount) -> Decimal:
    """The balance of the account's handle, less what open operations reserve. Spend it with the account locked only."""
    reserved = account.operations.filter(state__in=Operation.OPEN).aggregate(total=Sum("reserved"))["total"]
    return balance(account.handle) - (reserved or 0)


def post(entries: Mapping[LedgerAccount, Decimal], description: str, operation: Operation | None = None) -> None:
    """Write one transaction. Call it inside `transaction.atomic`, with what it pays for.

    Raises:
        ValueError: when the entries do not sum to zero.
        IntegrityError: when `operation` was paid already.
    """
    if sum(entries.values()) != 0:
        raise ValueError("the entries of a transaction must sum to zero")
    posted = LedgerTransaction.objects.create(operation=operation, description=description[:200], date=timezone.now())
    LedgerEntry.objects.bulk_create(
        LedgerEntry(transaction=posted, account=account, amount=amount) for account, amount in entries.items()
    )
    for account in entries:
        if account.handle and hasattr(account.handle, "hosting_account"):
            news.note_account(account.handle.hosting_account.pk)


def deposit(handle: Handle, amount: Decimal, description: str) -> None:
    """Money that a customer paid in."""
    bank = LedgerAccount.objects.get_or_create(code=BANK)[0]
    post({account_of(handle): amount, bank: -amount}, description)


def charge(handle: Handle, amount: Decimal, description: str, operation: Operation) -> None:
    """Take `amount` for `operation`; a negative amount is a refund. Nothing is written for zero."""
    if amount:
        sales = LedgerAccount.objects.get_or_create(code=SALES)[0]
        post({account_of(handle): -amount, sales: amount}, description, operation)
