"""The provider's data: customers, what they have, and their operations.

Rows are the truth. Nothing happens in `save()`: what changes together is changed by a named function, in one
transaction.
"""

from hosting.provider.models.accounts import ApiSession, Handle, HostingAccount, KeptAnswer
from hosting.provider.models.addresses import Address, AddressPool
from hosting.provider.models.alerts import Alert
from hosting.provider.models.catalogue import OsImage, Price
from hosting.provider.models.hosts import Host, Installation, SimulatedGuest
from hosting.provider.models.ledger import LedgerAccount, LedgerEntry, LedgerTransaction
from hosting.provider.models.machines import Disk, Interface, Vm
from hosting.provider.models.operations import ChangedObject, Operation, Product
from hosting.provider.models.usage import UsageSample

__all__ = [
    "Address",
    "AddressPool",
    "Alert",
    "ApiSession",
    "ChangedObject",
    "Disk",
    "Handle",
    "Host",
    "HostingAccount",
    "Installation",
    "Interface",
    "KeptAnswer",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerTransaction",
    "Operation",
    "OsImage",
    "Price",
    "Product",
    "SimulatedGuest",
    "UsageSample",
    "Vm",
]
