"""The audit log on pages: entries with words and links, and the latest entries of an object."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.inventory.models import Disk, Vm
from hosting.teams.audit import log as audit
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import Permission
from hosting.typed_numbers import identifier
from hosting.web.access.scope import AccountRequest, TeamRequest
from hosting.web.audit import wording

# Entries shown on an object's page.
_LATEST = 5


@dataclass(frozen=True)
class Line:
    """An audit entry as it is shown."""

    entry: AuditEntry
    # The address of the object; empty when it is gone or the reader may not open it.
    url: str = ""
    account: str = ""

    @property
    def what(self) -> str:
        return wording.action_words(self.entry)

    @property
    def more(self) -> Sequence[str]:
        return list(wording.more_words(self.entry))

    @property
    def changes(self) -> Sequence[tuple[str, str, str]]:
        return wording.changes(self.entry)

    @property
    def outcome(self) -> str:
        return wording.outcome_words(self.entry.outcome)

    @property
    def who(self) -> str:
        """Who did it: a person, somebody unknown, or Sharedeck itself."""
        entry = self.entry
        if entry.actor_name:
            return entry.actor_name
        if entry.token_id:
            return _("Team token")
        return _("Unknown person") if entry.address else "Sharedeck"


@dataclass(frozen=True)
class History:
    """The latest entries of an object, and the link to all of them."""

    lines: Sequence[Line] = field(default_factory=list)
    url: str = ""
    # The entries are about several objects, so each one names its object.
    of_several: bool = False


def lines_of(entries: Iterable[AuditEntry], member: Membership) -> list[Line]:
    """Entries with their links, in three queries."""
    entries = list(entries)
    wanted = {entry.account_id for entry in entries if entry.account_id}
    accounts = dict(Account.objects.visible_to(member).filter(pk__in=wanted).values_list("pk", "label"))
    there = _existing(entries, accounts)
    return [Line(entry, _url_of(entry, accounts, there), accounts.get(entry.account_id or 0, "")) for entry in entries]


def of_object(request: AccountRequest, *, thing: str = "", operation: int | None = None) -> History | None:
    """The latest entries of an object of the page's account, in one query. None without permission to read them."""
    member, account = request.member, request.account
    if not member.may(Permission.READ_AUDIT, account):
        return None
    entries = AuditEntry.objects.filter(team=member.team_id, account_id=account.pk)
    if operation is not None:
        found = entries.filter(operation_id=operation)
        query = {"operation": str(operation)}
    else:
        found = entries.filter(thing=thing)
        query = {"account": str(account.pk), "thing": thing}
    url = f"{reverse('team_audit', args=[member.team_id])}?{urlencode(query)}"
    return History([Line(entry) for entry in found[:_LATEST]], url)


def of_team(request: TeamRequest) -> History | None:
    """The latest entries about the team itself (members, policies), in one query. None without permission to read the
    whole audit log.
    """
    member = request.member
    if not member.may_for_all(Permission.READ_AUDIT):
        return None
    entries = AuditEntry.objects.filter(team=member.team_id, account_id=None, thing=audit.team_ref(member.team_id))
    return History([Line(entry) for entry in entries[:_LATEST]], _url_in(member, group="team"), of_several=True)


def of_member(request: TeamRequest, one: Membership) -> History | None:
    """The latest entries by a member of the team and about them, in two queries. None without permission to read the
    whole audit log.
    """
    member = request.member
    if not member.may_for_all(Permission.READ_AUDIT):
        return None
    entries = AuditEntry.objects.filter(team=member.team_id)
    came = Q(thing=audit.team_ref(member.team_id), subject=one.user.email)
    theirs = Q(thing=audit.member_ref(one.user_id)) | came
    # Two queries, because each uses an index of its own.
    found = {entry.pk: entry for entry in entries.filter(actor=one.user_id)[:_LATEST]}
    found |= {entry.pk: entry for entry in entries.filter(theirs, account_id=None)[:_LATEST]}
    latest = sorted(found.values(), key=lambda entry: entry.sequence, reverse=True)[:_LATEST]
    return History([Line(entry) for entry in latest], _url_in(member, who=str(one.user_id)), of_several=True)


def _url_in(member: Membership, **query: str) -> str:
    return f"{reverse('team_audit', args=[member.team_id])}?{urlencode(query)}"


def _number(thing: str, kind: str) -> int | None:
    name, _colon, number = thing.partition(":")
    return identifier(number) if name == kind else None


def _existing(entries: Sequence[AuditEntry], accounts: dict[int, str]) -> set[tuple[int, str]]:
    """Which of the servers and disks named in entries still exist, as (account id, object)."""
    found: set[tuple[int, str]] = set()
    for model, kind in ((Vm, "vm"), (Disk, "disk")):
        named = {
            (entry.account_id, number)
            for entry in entries
            if entry.account_id in accounts and (number := _number(entry.thing, kind)) is not None
        }
        if not named:
            continue
        where = Q(account__in={account for account, _number in named})
        rows = model.objects.filter(where, remote_id__in={number for _account, number in named})
        found.update((account, f"{kind}:{number}") for account, number in rows.values_list("account_id", "remote_id"))
    return found


def _url_of(entry: AuditEntry, accounts: dict[int, str], there: set[tuple[int, str]]) -> str:
    account = entry.account_id
    if account not in accounts or account is None:
        return ""
    if entry.operation_id:
        return reverse("operation", args=[account, entry.operation_id])
    if (account, entry.thing) in there:
        kind, _colon, number = entry.thing.partition(":")
        return reverse({"vm": "server", "disk": "disk"}[kind], args=[account, int(number)])
    for name in ("plan", "bulk"):
        if isinstance(number := entry.detail.get(name), int):
            return reverse(name, args=[account, number])
    return reverse("login" if entry.thing == "login" else "dashboard", args=[account])
