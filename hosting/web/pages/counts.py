"""The counts that every page of an account shows, and what has finished recently. Cached by the account's version.

Counting costs more than reading a list. Changes that depend only on time show within a minute (`_LIFE_S`).
"""

from dataclasses import dataclass
from datetime import datetime

import redis
from django.core.cache import cache
from django.db.models import Count

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.reading import attention
from hosting.teams.models import Membership
from hosting.teams.roles import Permission
from hosting.web.pages import finished
from hosting.web.pages.finished import Finished

_LIFE_S = 60


@dataclass(frozen=True)
class Held:
    """How many operations of one requester wait for approval, and how many of those run out of time soon."""

    requested_by: int | None
    count: int
    nearly_over: int


@dataclass(frozen=True)
class Counts:
    """Open operations, matters that need attention, what has finished recently, and held operations by requester."""

    open: int
    attention: int
    finished: tuple[Finished, ...]
    held: tuple[Held, ...]

    def to_approve(self, member: Membership) -> int:
        """How many operations the member can approve now."""
        return sum(each.count for each in self._for(member))

    def attention_of(self, member: Membership) -> int:
        """The matters that need attention, including approvals by this member."""
        return self.attention + sum(each.count - each.nearly_over for each in self._for(member))

    def _for(self, member: Membership) -> list[Held]:
        if member.person is None or not member.may(Permission.APPROVE):
            return []
        return [each for each in self.held if each.requested_by != member.user_id]


def counts(account: Account, now: datetime) -> Counts:
    """The counts for the version of `account` that was read: one Redis read, or seven queries."""
    key = f"counts:1:{account.pk}:{account.version}"
    try:
        known: Counts | None = cache.get(key)
        if known is None:
            known = _count(account, now)
            cache.set(key, known, _LIFE_S)
    except redis.RedisError:
        known = _count(account, now)
    return known


def _count(account: Account, now: datetime) -> Counts:
    return Counts(
        open=Operation.objects.filter(account=account).open().count(),
        attention=attention.counts([account], now)[account.pk],
        finished=finished.recently_finished(account, now),
        held=_held(account, now),
    )


def _held(account: Account, now: datetime) -> tuple[Held, ...]:
    rows = Operation.objects.filter(account=account, state=State.HELD).order_by().values_list("requested_by_id")
    nearly_over = Count("pk", filter=attention.approval_ends_soon(now))
    return tuple(Held(*row) for row in rows.annotate(count=Count("pk"), nearly_over=nearly_over))
