"""Search objects by part of their name or tag, or by the provider's id, in all accounts that a person sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Q, QuerySet

from hosting.accounts.models import Account
from hosting.annotations.models import ObjectType, Tag, TagUse
from hosting.annotations.names import key_of
from hosting.annotations.tags import has_any
from hosting.inventory.models import Disk, Vm
from hosting.operations.kinds.rules import MAX_INT
from hosting.operations.models.operation import Operation
from hosting.reading import queries
from hosting.teams.models import Membership
from hosting.typed_numbers import identifier

# The most results of each sort. For more, people search in the list of one account.
MOST = 20


@dataclass(frozen=True)
class Found:
    """Search results, each with its `account`; `more` says that there are more than these."""

    servers: Sequence[Vm] = ()
    disks: Sequence[Disk] = ()
    operations: Sequence[Operation] = ()
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.servers or self.disks or self.operations)


def everywhere(words: str, memberships: Sequence[Membership]) -> Found:
    """Search the accounts of the person's teams. Five queries, six when a tag matches; no results for no words."""
    if not words or "\0" in words:
        return Found()
    accounts = {account.pk: account for account in queries.accounts_of(memberships)}
    tags = list(Tag.objects.filter(team__in=[member.team_id for member in memberships], key__contains=key_of(words)))
    having = {kind: has_any(kind, [tag.pk for tag in tags]) if tags else None for kind in ObjectType}
    servers = _fitting(Vm.objects.order_by("hostname", "id"), "hostname", words, accounts, having[ObjectType.VM])
    disks = _fitting(Disk.objects.order_by("name", "id"), "name", words, accounts, having[ObjectType.DISK])
    operations = _fitting(Operation.objects.order_by("-created_at", "-id"), "subject", words, accounts)
    _show_tags(tags, {ObjectType.VM: servers[:MOST], ObjectType.DISK: disks[:MOST]})
    return Found(
        servers[:MOST], disks[:MOST], operations[:MOST], any(len(each) > MOST for each in (servers, disks, operations))
    )


def _show_tags(tags: Sequence[Tag], found: Mapping[str, Sequence[Any]]) -> None:
    """Set the matching tags on each result, so that people see why it was found."""
    things = {(kind, row.account_id, row.remote_id): row for kind, rows in found.items() for row in rows}
    if not tags or not things:
        return
    by_id = {tag.pk: tag for tag in tags}
    uses = TagUse.objects.filter(
        tag__in=tags, account__in={key[1] for key in things}, remote_id__in={key[2] for key in things}
    )
    for kind, account_id, remote_id, tag_id in uses.order_by("tag__key", "tag_id").values_list(
        "object_type", "account_id", "remote_id", "tag_id"
    ):
        if row := things.get((kind, account_id, remote_id)):
            row.tags = [*getattr(row, "tags", ()), by_id[tag_id]]


def _fitting(
    rows: "QuerySet[Any]", name: str, words: str, accounts: dict[int, Account], tagged: Exists | None = None
) -> list[Any]:
    fits = Q(**{f"{name}__icontains": words})
    if tagged:
        fits |= Q(tagged)
    if (number := _id(words)) is not None:
        fits |= Q(remote_id=number)
    found = list(rows.filter(fits, account__in=accounts)[: MOST + 1])
    for row in found:
        row.account = accounts[row.account_id]
    return found


def server_label(vm: Vm) -> str:
    """A unique label of a server that people can type."""
    return f"{vm} #{vm.remote_id}"


def server(typed: str, account: Account) -> Vm | None:
    """The server with this name, with # and the provider's id, or both; None when none or several match."""
    name, mark, digits = typed.strip().rpartition("#")
    servers, number = _usable_servers(account), _id(digits)
    if mark and number is not None:
        found = servers.filter(remote_id=number).first()
        return found if found and name.strip() in ("", str(found)) else None
    named = list(servers.filter(hostname__iexact=typed.strip())[:2])
    if not named and number is not None:
        return servers.filter(remote_id=number).first()
    return named[0] if len(named) == 1 else None


def servers_like(typed: str, account: Account) -> list[Vm]:
    """The first servers with these words in their name; any servers for no words."""
    words = typed.partition("#")[0].strip()
    if "\0" in words:
        return []
    return list(_usable_servers(account).filter(hostname__icontains=words).order_by("hostname", "id")[:MOST])


def _usable_servers(account: Account) -> "QuerySet[Vm]":
    return Vm.objects.filter(account=account).exclude(state__in=(Vm.State.DELETED, Vm.State.INVALID))


def _id(text: str) -> int | None:
    """The id at the provider that this text may be."""
    number = identifier(text)
    return number if number is not None and number <= MAX_INT else None
