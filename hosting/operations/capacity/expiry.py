"""The expiry calendar: when products end and which servers the provider will pause then. A fixed number of queries.

Renewals under way count as done. A product that renews itself counts as renewed.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.core.exceptions import ValidationError
from django.db.models import Sum
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.capacity import Amounts
from hosting.inventory.expiry_impact import Fleet, Holding, Impact, Pool, Server, renewed
from hosting.inventory.models import Product, Vm
from hosting.inventory.periods import anchor_day_of
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import RenewProduct
from hosting.operations.models.operation import Operation

# The provider pauses servers that run; the others run on no shares already.
_RUNS = (Vm.State.RUNNING, Vm.State.BEING_CREATED)


@dataclass(frozen=True)
class Ending:
    """A product that ends, and its renewal if one is under way. `renews_itself`: the provider will renew it in time."""

    product: Product
    ends: datetime
    renewal: Operation | None
    renews_itself: bool = False

    @property
    def redeemable_until(self) -> datetime | None:
        """Until when it can still be renewed after its end; None when the provider allows no time for that."""
        days = self.product.redemption_days
        try:
            return self.ends + timedelta(days=days) if days else None
        except OverflowError:
            return None

    @property
    def may_be_renewed(self) -> bool:
        return self.renewal is None and not self.product.errors.get("renewing")


@dataclass(frozen=True)
class Day:
    """What ends on one day in the reader's zone, and the impact on that evening (None for a day in the past).

    `servers` are those that are paused then, `newly_paused` how many of them were not the evening before.
    """

    date: date
    endings: Sequence[Ending]
    impact: Impact | None
    servers: Sequence[Server]
    newly_paused: int = 0


@dataclass(frozen=True)
class Month:
    """The days of a month on which something ends."""

    first: date
    days: Sequence[Day]

    @property
    def renewable(self) -> list[int]:
        """The ids of the products that can be renewed together."""
        return [each.product.remote_id for day in self.days for each in day.endings if each.may_be_renewed]


@dataclass(frozen=True)
class Calendar:
    """The days on which products have ended (`over`), and those on which they will, by month."""

    over: Sequence[Day]
    months: Sequence[Month]

    @property
    def over_renewable(self) -> list[int]:
        """The ids of the products that have ended and can be renewed together."""
        return [each.product.remote_id for day in self.over for each in day.endings if each.may_be_renewed]

    def until(self, moment: datetime) -> list[Day]:
        """The days on which products have ended, or will end by then."""
        coming = (day for month in self.months for day in month.days)
        return [*self.over, *(day for day in coming if day.endings[0].ends <= moment)]


def calendar(account: Account, now: datetime, *, not_renewed: Collection[int] = ()) -> Calendar:
    """The expiry calendar of an account, in the current time zone.

    `not_renewed`: the ids of products whose automatic renewal the balance does not cover.
    """
    products = list(Product.objects.filter(account=account, date_end__isnull=False).order_by("date_end", "remote_id"))
    renewals = _renewals(account)
    endings = [
        Ending(
            product,
            product.date_end,
            renewals.get(product.remote_id),
            renews_itself=product.autorenew and product.date_end > now and product.remote_id not in not_renewed,
        )
        for product in products
        if product.date_end is not None
    ]
    pool = _pool(account, endings, now)
    over = [Day(date_, of_day, None, ()) for date_, of_day in _by_day(each for each in endings if each.ends <= now)]
    coming = list(_by_day(each for each in endings if each.ends > now))
    impacts = [pool.after(of_day[-1].ends) if pool else None for _date, of_day in coming]
    fleet = _fleet(account, impacts)
    days: list[Day] = []
    for (date_, of_day), impact in zip(coming, impacts, strict=True):
        servers = fleet.paused_by(impact) if impact else ()
        # The newest are paused first, so those of an earlier day are among those of a later one.
        before = len(days[-1].servers) if days else 0
        days.append(Day(date_, of_day, impact, servers, max(0, len(servers) - before)))
    months = groupby(days, key=lambda day: day.date.replace(day=1))
    return Calendar(over, [Month(first, list(of_month)) for first, of_month in months])


def _renewals(account: Account) -> dict[int, Operation]:
    """The renewals under way, by product id."""
    found = Operation.objects.filter(account=account, kind=RenewProduct.method).under_way().order_by("id")
    return {operation.product_id: operation for operation in found if operation.product_id is not None}


def _pool(account: Account, endings: Sequence[Ending], now: datetime) -> Pool | None:
    info = getattr(account, "info", None)
    if info is None:
        return None
    return Pool(
        Amounts.from_json(info.granted),
        Amounts.from_json(info.used),
        Amounts.from_json(info.share_definition),
        (holding for each in endings if (holding := _holding(each, now))),
    )


def _holding(ending: Ending, now: datetime) -> Holding | None:
    """The input of the capacity calculation for a product; None when it has ended and is not being renewed."""
    product, ends = ending.product, ending.ends
    if product.product_name not in Product.Name.values:
        # An unknown product: what it provides is unknown too.
        return None
    is_over = ends <= now
    stays_until: datetime | None = ends
    if ending.renewal is not None:
        stays_until = _renewed(product, ends, ending.renewal)
    elif is_over:
        return None
    elif ending.renews_itself:
        stays_until = None
    if is_over and stays_until is not None and stays_until <= now:
        return None
    return Holding(product.product_name == Product.Name.DISK, product.quantity, stays_until, granted=not is_over)


def _renewed(product: Product, ends: datetime, renewal: Operation) -> datetime | None:
    """The new end after a renewal; None when an external renewal has a duration that we don't understand."""
    duration = renewal.params.get("duration")
    try:
        rules.duration(str(duration))
    except ValidationError:
        return None
    return renewed(ends, rules.months(str(duration)), anchor_day_of(product.date_created, ends))


def _fleet(account: Account, impacts: Sequence[Impact | None]) -> Fleet:
    """The newest servers that run, as many as the provider may pause."""
    running = Vm.objects.filter(account=account, state__in=_RUNS).order_by()
    totals = running.aggregate(shares=Sum("shares"), memory_mb=Sum("memory_mb"))
    used = Amounts(shares=totals["shares"] or 0, memory_mb=totals["memory_mb"] or 0)
    excess = [Impact(impact.pool, used).missing for impact in impacts if impact is not None]
    shares = max((each.shares for each in excess), default=0)
    memory_mb = max((each.memory_mb for each in excess), default=0)
    found: list[Server] = []
    if shares or memory_mb:
        rows = running.order_by("-date_created", "-remote_id").values_list(
            "remote_id", "hostname", "shares", "memory_mb"
        )
        for row in rows.iterator(chunk_size=500):
            if shares <= 0 and memory_mb <= 0:
                break
            server = Server(*row)
            found.append(server)
            shares -= server.shares
            memory_mb -= server.memory_mb
    return Fleet(found, used)


def _by_day(endings: Iterator[Ending]) -> Iterator[tuple[date, list[Ending]]]:
    for day, of_day in groupby(endings, key=lambda each: _local(each.ends)):
        yield day, list(of_day)


def _local(moment: datetime) -> date:
    """The day in the reader's zone. Moments at the limits of `datetime` are not shifted."""
    try:
        return timezone.localtime(moment).date()
    except OverflowError:
        return moment.date()
