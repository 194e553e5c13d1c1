"""Finding an object by a part of its name, or by the provider's id, in all accounts that a person sees."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from hosting.accounts.models import Account
from hosting.inventory.models import Disk, Vm
from hosting.operations.models import Operation
from hosting.operations.rules import MAX_INT
from hosting.teams.models import User
from hosting.web import queries

# What fits of each sort: whoever sees more of them searches in the list of one account.
MOST = 20


@dataclass(frozen=True)
class Found:
    """What fits, each with its `account`; `more` says that there is more than is shown."""

    servers: Sequence[Vm] = ()
    disks: Sequence[Disk] = ()
    operations: Sequence[Operation] = ()
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.servers or self.disks or self.operations)


def everywhere(words: str, person: User) -> Found:
    """What fits in the accounts of the person's teams, in four queries; nothing for no words."""
    if not words or "\0" in words:
        return Found()
    accounts = {account.pk: account for account in queries.accounts_of(person)}
    servers = _fitting(Vm.objects.order_by("hostname", "id"), "hostname", words, accounts)
    disks = _fitting(Disk.objects.order_by("name", "id"), "name", words, accounts)
    operations = _fitting(Operation.objects.order_by("-created_at", "-id"), "subject", words, accounts)
    return Found(
        servers[:MOST], disks[:MOST], operations[:MOST], any(len(each) > MOST for each in (servers, disks, operations))
    )


def _fitting(rows: "QuerySet[Any]", name: str, words: str, accounts: dict[int, Account]) -> list[Any]:
    fits = Q(**{f"{name}__icontains": words})
    if words.isascii() and words.isdigit() and int(words[:12]) <= MAX_INT:
        fits |= Q(remote_id=int(words[:12]))
    found = list(rows.filter(fits, account__in=accounts)[: MOST + 1])
    for row in found:
        row.account = accounts[row.account_id]
    return found
