"""The books."""

from django.db import models

from hosting.provider.models.accounts import Handle
from hosting.provider.models.operations import Operation


class LedgerAccount(models.Model):
    """One account of the books: a handle's prepaid one, or one of the provider's own."""

    code = models.CharField(max_length=40, unique=True)
    handle = models.OneToOneField(Handle, models.PROTECT, null=True, blank=True, related_name="prepaid_account")

    def __str__(self) -> str:
        return self.code


class LedgerTransaction(models.Model):
    """Money that moved at once. The entries of a transaction sum to zero."""

    # Unique, so that no operation can be paid twice.
    operation = models.OneToOneField(Operation, models.PROTECT, null=True, blank=True)
    description = models.CharField(max_length=200)
    date = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pk} {self.description}"


class LedgerEntry(models.Model):
    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
