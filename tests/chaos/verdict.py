"""Whether what the panel tells is true. The other side is read from the provider's own database, with plain SQL.

A violation is a sentence. What may be open at the end is only what a person is asked about.
"""

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Disk, Product, Vm
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.plans.catalogue import spec_of
from tests.chaos.members import Asked, Journal
from tests.chaos.workload import ROOT_PASSWORD

_PURCHASES = ("hosting_account_product_add", "hosting_account_product_renew")
_FINAL = {"done", "failed", "refused", "not_sent", "released", "cancelled", "declined"}
# What waits for approval, or was not approved, was never sent.
_NEVER_SENT = {"held", "declined"}
_NOTHING_HAPPENED = {"refused", "not_sent", "released", *_NEVER_SENT}
# How the panel's words for an operation's end must read at the provider.
_ENDS = {"done": "DONE", "failed": "ERROR", "cancelled": "CANCEL"}
_WIRE_NAMES = {"size_mb": "size", "vm_max_memory_mb": "vm_max_memory"}
# What an operation's parameters name besides what was asked for: the object that it made.
_MADE = {"vm_id", "disk_id", "product_id"}

_LAPSED = re.compile(r"The worker of operation (\d+) counts as dead: sent at (.+), claimed until (.+)")
# A kill is noted before it is done.
_SPARE = timedelta(seconds=1)


@dataclass(frozen=True)
class Theirs:
    """One of the provider's operations, with the payments that its books hold for it, in EUR."""

    id: int
    type: str
    state: str
    params: Mapping[str, Any]
    objects: Mapping[str, int | None]
    payments: tuple[Decimal, ...]


@dataclass
class Truth:
    """What the provider has for one handle."""

    operations: dict[int, Theirs] = field(default_factory=dict)
    balance: Decimal = Decimal(0)
    servers: dict[int, tuple[object, ...]] = field(default_factory=dict)
    disks: dict[int, tuple[object, ...]] = field(default_factory=dict)
    products: dict[int, tuple[object, ...]] = field(default_factory=dict)


def read_truth(database: Path, handle: str) -> Truth:
    """The provider's side of the account, from its tables."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20)) as db:
        (account,) = db.execute(
            "SELECT a.id FROM provider_hostingaccount a JOIN provider_handle h ON h.id = a.handle_id"
            " WHERE h.handle = ?",
            [handle],
        ).fetchone()
        payments: dict[int, list[Decimal]] = {}
        balance = Decimal(0)
        for operation_id, amount in db.execute(
            "SELECT t.operation_id, e.amount FROM provider_ledgerentry e"
            " JOIN provider_ledgertransaction t ON t.id = e.transaction_id"
            " JOIN provider_ledgeraccount l ON l.id = e.account_id"
            " JOIN provider_handle h ON h.id = l.handle_id WHERE h.handle = ?",
            [handle],
        ):
            cents = Decimal(str(amount)).quantize(Decimal("0.01"))
            balance += cents
            if operation_id is not None:
                payments.setdefault(operation_id, []).append(cents)
        truth = Truth(balance=balance)
        for number, kind, state, params, vm_id, disk_id, product_id in db.execute(
            "SELECT id, type, state, params, vm_id, disk_id, product_id FROM provider_operation WHERE account_id = ?",
            [account],
        ):
            objects = {"vm_id": vm_id, "disk_id": disk_id, "product_id": product_id}
            truth.operations[number] = Theirs(
                number, kind, state, json.loads(params), objects, tuple(payments.get(number, ()))
            )
        truth.servers = {
            row[0]: row[1:]
            for row in db.execute(
                "SELECT id, hostname, state, shares, cores, vm_max_memory FROM provider_vm"
                " WHERE account_id = ? AND state != 'deleted'",
                [account],
            )
        }
        truth.disks = {
            row[0]: row[1:]
            for row in db.execute(
                "SELECT id, name, size, fstype, type, state, vm_id FROM provider_disk"
                " WHERE account_id = ? AND state != 'deleted'",
                [account],
            )
        }
        truth.products = {
            row[0]: (*row[1:-1], row[-1][:19])
            for row in db.execute(
                "SELECT id, product_name, quantity, date_end FROM provider_product"
                " WHERE account_id = ? AND state != 'removed'",
                [account],
            )
        }
    return truth


def stuck(account: Account) -> list[str]:
    """Rows and plans that nobody but time could finish, and plans without anything under way."""
    rows = Operation.objects.filter(account=account).exclude(state__in=_FINAL)
    found = [
        f"{_row(row)} is still {row.state} (asked for {row.created_at:%H:%M:%S}, due {row.due_at:%H:%M:%S},"
        f" sent {row.sent_at and f'{row.sent_at:%H:%M:%S}'}, problem {row.problem})"
        for row in rows.exclude(state="uncertain", needs_person=True)
    ]
    asked_about = set(rows.filter(state="uncertain", needs_person=True).values_list("plan_id", flat=True))
    running = Plan.objects.filter(account=account, state=Plan.State.RUNNING).exclude(pk__in=asked_about - {None})
    found += [f"plan {plan.pk} is still running" for plan in running]
    if found:
        account.refresh_from_db()
        account.endpoint.refresh_from_db()
        found[0] += (
            f" (at {timezone.now():%H:%M:%S}: the next look {account.track_due_at:%H:%M:%S}, the next round"
            f" {account.round_due_at:%H:%M:%S}, away since {account.endpoint.away_since})"
            if account.track_due_at and account.round_due_at
            else ""
        )
    return found


def mirror_differs(truth: Truth, account: Account) -> list[str]:
    """Where the mirror differs from the provider."""
    servers = {
        vm.remote_id: (vm.hostname, vm.state, vm.shares, vm.cores, vm.vm_max_memory_mb)
        for vm in Vm.objects.filter(account=account)
    }
    disks = {
        disk.remote_id: (disk.name, disk.size_mb, disk.fstype, disk.type, disk.state, disk.vm_remote_id)
        for disk in Disk.objects.filter(account=account)
    }
    products = {
        each.remote_id: (each.product_name, each.quantity, f"{each.date_end:%Y-%m-%d %H:%M:%S}")
        for each in Product.objects.filter(account=account)
    }
    found = [
        f"mirror: {what} {key} is {ours.get(key)} and there {theirs.get(key)}"
        for what, ours, theirs in (
            ("server", servers, truth.servers),
            ("disk", disks, truth.disks),
            ("product", products, truth.products),
        )
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    balance = AccountInfo.objects.get(account=account).balance
    if balance != truth.balance:
        found.append(f"mirror: the balance is {balance} and there {truth.balance}")
    return found


def untrue(truth: Truth, account: Account, *, known_before: set[int]) -> list[str]:
    """What the operations' rows say and the provider does not, and the other way round."""
    panel = list(Operation.objects.filter(account=account, origin=Operation.Origin.PANEL).order_by("pk"))
    theirs = {key: value for key, value in truth.operations.items() if key not in known_before}
    return [
        *(problem for row in panel for problem in _judge(row, theirs)),
        *_claimed_twice(panel),
        *_unexplained(theirs, panel, account),
        *_wrong_books(theirs, panel),
    ]


def _judge(row: Operation, theirs: Mapping[int, Theirs]) -> Iterator[str]:
    """One row against the operation that it names."""
    if row.state in _NOTHING_HAPPENED and row.remote_id is not None:
        yield f"{_row(row)} is {row.state} and names the provider's operation {row.remote_id}"
    if row.state in _NEVER_SENT and row.sent_at is not None:
        yield f"{_row(row)} is {row.state}, and was sent"
    if row.state != "waiting" and row.sealed_secret:
        yield f"{_row(row)} is {row.state} and still keeps its secret"
    if row.state not in _ENDS or (row.state == "cancelled" and row.remote_id is None):
        return
    if row.remote_id is None or row.remote_id not in theirs:
        yield f"{_row(row)} is {row.state}, and the provider has no operation {row.remote_id}"
        return
    operation = theirs[row.remote_id]
    if operation.state != _ENDS[row.state]:
        yield f"{_row(row)} is {row.state}, and the provider's {operation.id} is {operation.state}"
    if not _is_same(row, operation):
        yield f"{_row(row)} {row.params} took the provider's {operation.type} {operation.params}"
    for name, value in operation.objects.items():
        if value != getattr(row, name):
            yield f"{_row(row)} has {name} {getattr(row, name)}, and there it is {value}"
    if row.state == "done" and row.kind in _PURCHASES and len(operation.payments) != 1:
        yield f"{_row(row)} is done, and was paid {len(operation.payments)} times"


def _is_same(row: Operation, operation: Theirs) -> bool:
    wanted = {_WIRE_NAMES.get(name, name): value for name, value in row.params.items() if value is not None}
    given = dict(operation.params)
    extra = given.keys() - wanted.keys()
    return (
        operation.type == row.kind
        and all(str(given.get(name)) == str(value) for name, value in wanted.items())
        and extra <= _MADE
    )


def _claimed_twice(panel: list[Operation]) -> list[str]:
    claims = Counter(row.remote_id for row in panel if row.remote_id is not None)
    return [f"the provider's operation {key} is told {count} times" for key, count in claims.items() if count > 1]


def _unexplained(theirs: Mapping[int, Theirs], panel: list[Operation], account: Account) -> Iterator[str]:
    """Whatever the provider was asked for belongs to one row, or is what a person is asked about."""
    claimed = {row.remote_id for row in panel}
    asked_about = [row for row in panel if row.state == "uncertain" and row.needs_person]
    for operation in theirs.values():
        if operation.id in claimed:
            continue
        explanation = next((row for row in asked_about if _is_same(row, operation)), None)
        if explanation is None:
            yield f"the provider's {operation.type} {operation.id} {operation.params} ({operation.state}) is nobody's"
        else:
            asked_about.remove(explanation)
    for row in Operation.objects.filter(account=account, origin=Operation.Origin.EXTERNAL):
        if row.remote_id in theirs:
            yield f"{_row(row)} (the provider's {row.remote_id}) is told as one from outside"


def _wrong_books(theirs: Mapping[int, Theirs], panel: list[Operation]) -> Iterator[str]:
    """As many purchases are paid as are called done, and as a person must still decide about."""
    for kind in _PURCHASES:
        paid = sum(len(operation.payments) for operation in theirs.values() if operation.type == kind)
        done = sum(row.kind == kind and row.state == "done" for row in panel)
        undecided = sum(row.kind == kind and row.state == "uncertain" for row in panel)
        if not done <= paid <= done + undecided:
            yield f"{kind}: {paid} are paid, {done} are done, {undecided} are unconfirmed"


def broken_promises(journal: Journal, account: Account) -> Iterator[str]:
    """What members were told when they asked, against the rows."""
    rows = {str(row.nonce): row for row in Operation.objects.filter(account=account, origin="panel", plan=None)}
    plans = {str(plan.nonce) for plan in Plan.objects.filter(account=account)}
    for asked in journal.asked:
        makes = rows.keys() if asked.action.kind else plans | rows.keys()
        if asked.action.button and not asked.action.kind:
            continue
        if asked.answer == "accepted" and asked.nonce not in makes:
            yield f"{asked.action.name} was accepted, and there is no row for it"
        if asked.answer == "refused" and asked.nonce in makes:
            yield f"{asked.action.name} was refused, and there is a row for it"
        if asked.action.kind and (row := rows.get(asked.nonce)) and not _as_requested(asked, row):
            yield f"{asked.action.name} {asked.action.params} became {_row(row)} {row.params}"
    known = {asked.nonce for asked in journal.asked}
    for nonce, row in rows.items():
        if nonce not in known:
            yield f"{_row(row)} was never asked for"
    for plan in Plan.objects.filter(account=account):
        yield from _wrong_plan(plan, known)


def _as_requested(asked: Asked, row: Operation) -> bool:
    """A value that would not change is left out of a resize."""
    return row.kind == asked.action.kind and all(
        row.params.get(name) == value or (row.kind == "vm_update" and row.params.get(name) is None)
        for name, value in asked.action.params.items()
    )


def _wrong_plan(plan: Plan, known: set[str]) -> Iterator[str]:
    if str(plan.nonce) not in known:
        yield f"plan {plan.pk} was never asked for"
    done = Counter(plan.operations.filter(state="done").values_list("step", flat=True))
    spec = spec_of(plan)
    for step, count in done.items():
        if count > 1 and step not in spec.undone_by_others:
            yield f"plan {plan.pk} has done its step {step} {count} times"
    needed = {step for step in spec.steps if not spec.skips(step)} - spec.checks - spec.undone_by_others
    if plan.state == Plan.State.DONE and done.keys() - spec.undone_by_others != needed:
        yield f"plan {plan.pk} is done, and of its steps only {sorted(done)}"


def _row(row: Operation) -> str:
    return f"{row.kind} #{row.pk}"


def taken_for_dead(logs: list[Path], kills: Sequence[datetime]) -> Iterator[str]:
    """Operations whose claim has lapsed although their worker lived: the answer that it had was not written in time.

    `kills` are the times at which a worker was killed.
    """
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        for number, sent_at, claimed_until in _LAPSED.findall(text):
            first, last = datetime.fromisoformat(sent_at), datetime.fromisoformat(claimed_until)
            if not any(first - _SPARE <= killed_at <= last for killed_at in kills):
                yield f"the worker of operation {number} counts as dead, and lived (sent {first:%H:%M:%S})"


def secrets_told(logs: list[Path], api_password: str) -> list[str]:
    """Logs that hold a root password, or the reseller's."""
    found = []
    for log in logs:
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        found += [f"{log.name} holds a password" for secret in (ROOT_PASSWORD, api_password) if secret in text]
    return found
