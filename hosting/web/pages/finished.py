"""Toasts: tell a person once per session that something they requested has finished while they were on another page.

Redis stores what was shown, so that two tabs at the same time don't both show it. If Redis loses this, the toast is
not shown; the operation is in the list all the same.

Decision: docs/decisions/0014-finished-operations-are-shown-once.md
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings
from django.db.models import F, QuerySet, Value
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account
from hosting.accounts.store import connection
from hosting.operations.kinds import catalogue
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import FINAL, State
from hosting.web.wording.isolation import naming

# What finished longer ago gets no toast.
_RECENT = timedelta(days=1)
_MOST_KNOWN = 200
# Toasts shown at once; of the others only the number is shown.
MOST_SHOWN = 3


@dataclass(frozen=True)
class Finished:
    """An operation, a plan or a bulk action that has finished. One that finishes again has another key."""

    what: str
    pk: int
    requested_by: int
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.what}:{self.pk}:{self.at.timestamp():.0f}"


@dataclass(frozen=True)
class Toast:
    """One line: what has finished, and the link to it. `level` is that of a Django message."""

    level: str
    text: str
    url: str


def recently_finished(account: Account, now: datetime) -> tuple[Finished, ...]:
    """What finished in the account within `_RECENT`, newest first, in one query.

    Operations of a plan or a bulk action are left out: the plan or bulk action gets the toast.
    """
    since = now - _RECENT
    operations = Operation.objects.filter(
        account=account,
        origin=Operation.Origin.PANEL,
        state__in=sorted(FINAL),
        finished_at__gt=since,
        plan=None,
        bulk=None,
    )
    bulks = Bulk.objects.filter(account=account, state=Bulk.State.DONE, updated_at__gt=since)
    over = (Plan.State.DONE, Plan.State.STOPPED)
    plans = Plan.objects.filter(account=account, state__in=over, updated_at__gt=since)
    found = _columns(operations, "operation", "finished_at").union(
        _columns(bulks, "bulk", "updated_at"), _columns(plans, "plan", "updated_at"), all=True
    )
    return tuple(Finished(*row) for row in found.order_by("-at")[:_MOST_KNOWN])


def _columns(rows: "QuerySet[Any]", what: str, at: str) -> "QuerySet[Any, Any]":
    asked = rows.filter(requested_by__isnull=False).order_by()
    columns: QuerySet[Any, Any] = asked.annotate(what=Value(what), at=F(at))
    return columns.values_list("what", "pk", "requested_by_id", "at")


def new_toasts(
    ended: Iterable[Finished], account: Account, *, user_id: int, session: str, seen: Collection[tuple[str, int]] | None
) -> list[Toast]:
    """The toasts to show a person now. Three queries at most when there are any, otherwise none.

    `seen`: what the page shows itself and needs no toast, as ("operation", 12); None for everything.
    """
    own = [one for one in ended if one.requested_by == user_id]
    try:
        new = _not_shown_yet(own, f"told:{session}:{account.pk}")
    except redis.RedisError:
        return []
    return _toasts([one for one in new if seen is not None and (one.what, one.pk) not in seen], account)


def _not_shown_yet(own: Sequence[Finished], name: str) -> list[Finished]:
    """Those that were not shown in this session yet; marks them as shown. None on the first page of a session."""
    keys = [one.key for one in own]
    pipe = connection().pipeline(transaction=True)
    pipe.exists(name)
    pipe.smismember(name, ["-", *keys])
    pipe.sadd(name, "-", *keys)
    pipe.expire(name, settings.SESSION_COOKIE_AGE)
    known, (_marker, *told), *_rest = pipe.execute()
    return [one for one, was_told in zip(own, told, strict=True) if not was_told] if known else []


def _toasts(new: Sequence[Finished], account: Account) -> list[Toast]:
    shown = new if len(new) <= MOST_SHOWN else new[: MOST_SHOWN - 1]
    made = _operations(shown, account) | _bulks(shown, account) | _plans(shown, account)
    toasts = [made[one.what, one.pk] for one in shown if (one.what, one.pk) in made]
    if more := len(new) - len(shown):
        text = ngettext(
            "%(count)d more of your operations has finished.", "%(count)d more of your operations have finished.", more
        ) % {"count": more}
        toasts.append(Toast("info", text, reverse("operations", args=[account.pk])))
    return toasts


def _of(what: str, shown: Sequence[Finished]) -> list[int]:
    return [one.pk for one in shown if one.what == what]


def _line(level: str, words: str, name: str, account: Account, pk: int, what: str) -> Mapping[tuple[str, int], Toast]:
    return {(name, pk): Toast(level, naming(words, what=what), reverse(name, args=[account.pk, pk]))}


Toasts = dict[tuple[str, int], Toast]


def _operations(shown: Sequence[Finished], account: Account) -> Toasts:
    found: Toasts = {}
    if ids := _of("operation", shown):
        for operation in Operation.objects.filter(account=account, pk__in=ids):
            what = f"{catalogue.title(operation.kind)} {operation.subject}".strip()
            if operation.state == State.DONE:
                level, words = "success", _("“%(what)s” finished.")
            elif operation.state == State.CANCELLED:
                level, words = "info", _("“%(what)s” was cancelled.")
            elif operation.state == State.DECLINED:
                level, words = "warning", _("“%(what)s” wasn't approved.")
            else:
                level, words = "warning", _("“%(what)s” failed.")
            found |= _line(level, words, "operation", account, operation.pk, what)
    return found


def _bulks(shown: Sequence[Finished], account: Account) -> Toasts:
    found: Toasts = {}
    if ids := _of("bulk", shown):
        failed = set(BulkRow.objects.filter(bulk__in=ids, state=BulkRow.State.FAILED).values_list("bulk_id", flat=True))
        for bulk in Bulk.objects.filter(account=account, pk__in=ids):
            if bulk.pk in failed:
                level, words = "warning", _("Bulk action “%(what)s” finished with failures.")
            else:
                level, words = "success", _("Bulk action “%(what)s” finished.")
            found |= _line(level, words, "bulk", account, bulk.pk, catalogue.title(bulk.kind))
    return found


def _plans(shown: Sequence[Finished], account: Account) -> Toasts:
    found: Toasts = {}
    if ids := _of("plan", shown):
        for plan in Plan.objects.filter(account=account, pk__in=ids):
            is_done, what = plan.state == Plan.State.DONE, str(plan.spec.get("hostname", ""))
            match plan.kind, is_done:
                case Plan.Kind.NEW_SERVER, True:
                    words = _("The new server “%(what)s” is ready.")
                case Plan.Kind.NEW_SERVER, False:
                    words = _(
                        "The new server “%(what)s” isn't ready because its plan stopped at a step. Open "
                        "the plan to continue."
                    )
                case _, True:
                    words = _("The server “%(what)s” was resized.")
                case _:
                    words = _("The resize of “%(what)s” stopped at a step. Open the plan to continue.")
            found |= _line("success" if is_done else "warning", words, "plan", account, plan.pk, what)
    return found
