"""The charts of the page Trends and the dashboard, from the account's samples and operations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Count, Value
from django.db.models.functions import Coalesce
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account
from hosting.inventory import samples
from hosting.inventory.models import BalanceSample, CapacitySample
from hosting.inventory.runway import ENOUGH, WINDOW, Known, Outlook, Runway, runway
from hosting.operations.models.operation import Operation
from hosting.web.charts import svg
from hosting.web.charts.chart import Chart, day_words, moment, unit_of
from hosting.web.lists.filters import OperationFilter
from hosting.web.wording.formats import plain, size, when

PERIODS = (7, 30, 90, 365)
DEFAULT_PERIOD = 30
# Periods of more days than this have a column per week.
_DAILY = 30
# The shortest time axis, for a new account.
_LEAST = timedelta(minutes=10)
# From the bottom of a column up.
OUTCOMES = ("done", "failed", "uncertain", "cancelled")


def period_of(asked: str | None) -> int:
    """The period in the address, in days."""
    return next((days for days in PERIODS if str(days) == asked), DEFAULT_PERIOD)


# Balance ------------------------------------------------------------------------------------------------------------


def balance_history(account: Account, now: datetime, days: int = 0) -> list[Known]:
    """The balance of the last `days` days, and of those needed to estimate how long it lasts. One query."""
    start = now - max(WINDOW, timedelta(days=days))
    rows = samples.since(BalanceSample.objects.all(), account, start)
    return [Known(*row) for row in rows.values_list("at", "balance", "spent")]


def money(amount: float) -> str:
    return formats.number_format(amount, 2, force_grouping=True)


def runway_words(history: Sequence[Known], now: datetime) -> str:
    """How long the balance will last, in a sentence."""
    found: Runway = runway(history, now)
    match found.outlook:
        case Outlook.USED_UP:
            return _("The balance is used up.")
        case Outlook.NOTHING_SPENT:
            return ngettext("No spending in the last %d day.", "No spending in the last %d days.", found.days) % (
                found.days
            )
        case Outlook.FAR:
            return _("At this rate, the balance lasts more than ten years.")
        case Outlook.ENDS if found.ends_at is not None:
            day = formats.date_format(timezone.localtime(found.ends_at), "DATE_FORMAT")
            return _("At this rate, the balance lasts until %(day)s.") % {"day": day}
    needed = ngettext(
        "Not enough history to forecast the balance. A forecast needs %d day of history.",
        "Not enough history to forecast the balance. A forecast needs %d days of history.",
        ENOUGH.days,
    )
    return needed % ENOUGH.days


def balance_spark(history: Sequence[Known], now: datetime) -> svg.Drawing | None:
    """The sparkline of the balance; None without data."""
    points = svg.thin(svg.within(_balances(history), now - WINDOW))
    return svg.spark(points, max(points[0][0], now - WINDOW), now) if points else None


def spark_words(history: Sequence[Known], now: datetime) -> str:
    """The sparkline in words, for screen readers."""
    known = [balance for _at, (balance,) in svg.within(_balances(history), now - WINDOW)]
    if not known:
        return ""
    words = {"days": WINDOW.days, "first": money(known[0]), "last": money(known[-1])}
    sentence = ngettext(
        "Balance over the last %(days)d day: from %(first)s to %(last)s",
        "Balance over the last %(days)d days: from %(first)s to %(last)s",
        WINDOW.days,
    )
    return sentence % words


def balance_chart(history: Sequence[Known], currency: str, days: int, now: datetime) -> Chart:
    points = svg.within(_balances(history), now - timedelta(days=days))
    values = [values[0] for _at, values in points]
    words = {
        "low": money(min(values, default=0)),
        "high": money(max(values, default=0)),
        "last": money(values[-1] if values else 0),
        "currency": currency,
    }
    summary = _("Current: %(last)s %(currency)s. Lowest: %(low)s. Highest: %(high)s.") % words
    return _steps(
        Chart("balance", _("Prepaid balance"), summary=summary, head=[_("From"), _("Balance in %s") % currency]),
        points,
        ("run",),
        money,
        days,
        now,
        tick=plain,
    )


def _balances(history: Sequence[Known]) -> list[svg.Point]:
    return [(known.at, (float(known.balance),)) for known in history]


# Capacity -----------------------------------------------------------------------------------------------------------


def capacity_charts(account: Account, days: int, now: datetime) -> list[Chart]:
    """Granted and used over time: shares, memory, disk. One query."""
    rows = samples.since(CapacitySample.objects.all(), account, now - timedelta(days=days))
    found = list(rows)
    shown: list[tuple[str, str, Callable[[float], str]]] = [
        ("shares", _("Shares"), plain),
        ("memory_mb", _("Memory"), size),
        ("disk_mb", _("Disk"), size),
    ]
    return [
        _granted_and_used(
            name,
            title,
            [(row.at, (getattr(row, f"granted_{name}"), getattr(row, f"used_{name}"))) for row in found],
            words,
            days,
            now,
        )
        for name, title, words in shown
    ]


def _granted_and_used(
    name: str, title: str, points: Sequence[svg.Point], words: Callable[[float], str], days: int, now: datetime
) -> Chart:
    granted, used = points[-1][1] if points else (0.0, 0.0)
    summary = _("%(used)s of %(granted)s used.") % {"used": words(used), "granted": words(granted)}
    legend = [("granted", _("Granted")), ("used", _("Used"))]
    chart = Chart(name, title, summary=summary, legend=legend, head=[_("From"), _("Granted"), _("Used")])
    unit = unit_of(max((max(values) for _at, values in points), default=0)) if name.endswith("_mb") else 1
    return _steps(
        chart,
        points,
        ("granted", "used"),
        words,
        days,
        now,
        unit=unit,
        tick=lambda value: words(value) if value else "0",
    )


def _steps(
    chart: Chart,
    points: Sequence[svg.Point],
    kinds: Sequence[str],
    words: Callable[[float], str],
    days: int,
    now: datetime,
    *,
    unit: int = 1,
    tick: Callable[[float], str] | None = None,
) -> Chart:
    if not points:
        return Chart(chart.name, chart.title, empty=_("No data yet. It will appear after the next sync."))
    drawn = svg.thin(points)
    start, end = _span(drawn, now - timedelta(days=days), now)
    drawing = svg.steps(
        drawn, start, end, kinds, unit=unit, label=tick or words, moment=moment, zone=timezone.get_current_timezone()
    )
    rows = [[when(at), *(words(value) for value in values)] for at, values in reversed(drawn)]
    return Chart(chart.name, chart.title, drawing, chart.summary, "", chart.legend, chart.head, rows)


def _span(points: Sequence[svg.Point], start: datetime, now: datetime) -> tuple[datetime, datetime]:
    """The time axis: the period, or the part of it with data, but at least `_LEAST`."""
    return min(max(points[0][0], start), now - _LEAST), now


# Operations ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Slot:
    """A day, or a week by its first day, and the number of operations requested in it by outcome."""

    first: date
    counts: dict[str, int]


def operation_slots(account: Account, days: int, now: datetime) -> list[Slot]:
    """The operations of a period by outcome, for each day or week. One query."""
    zone = timezone.get_current_timezone()
    today = now.astimezone(zone).date()
    length = 1 if days <= _DAILY else 7
    count = -(-days // length)
    first = today - timedelta(days=count * length - 1)
    outcomes = {state: name for name in OUTCOMES for state in OperationFilter.GROUPS[name][0]}
    slots = [Slot(first + timedelta(days=number * length), dict.fromkeys(OUTCOMES, 0)) for number in range(count)]
    rows = Operation.objects.filter(account=account).order_by()
    # One index range per slot: truncating times to days would cost SQLite a Python call for every row. `Coalesce`
    # because grouping by the plain state would use another index and read the whole history for each slot.
    state = Coalesce("state", Value(""))
    parts = [
        rows.filter(
            created_at__gte=datetime.combine(slot.first, time(), zone),
            created_at__lt=datetime.combine(slot.first + timedelta(days=length), time(), zone),
        )
        .values_list(Value(number), state)
        .annotate(Count("pk"))
        for number, slot in enumerate(slots)
    ]
    for number, ended_as, found in parts[0].union(*parts[1:], all=True):
        if ended_as in outcomes:
            slots[number].counts[outcomes[ended_as]] += found
    return slots


def operations_chart(account: Account, days: int, now: datetime) -> Chart:
    slots = operation_slots(account, days, now)
    title = _("Operations per day") if days <= _DAILY else _("Operations per week")
    totals = {name: sum(slot.counts[name] for slot in slots) for name in OUTCOMES}
    if not any(totals.values()):
        return Chart("operations", title, empty=_("No operations in this period."))
    columns = []
    for slot in slots:
        day = day_words(slot.first)
        told = _outcome_words(slot.counts)
        words = _("%(day)s: %(counts)s") % {"day": day, "counts": told} if told else day
        columns.append((day, words, list(slot.counts.values())))
    names = [str(OperationFilter.GROUPS[name][1]) for name in OUTCOMES]
    return Chart(
        "operations",
        title,
        svg.stacks(columns, OUTCOMES, label=plain),
        summary=_outcome_words(totals),
        legend=list(zip(OUTCOMES, names, strict=True)),
        head=[_("Day") if days <= _DAILY else _("Week starting"), *names],
        rows=[
            [formats.date_format(slot.first, "DATE_FORMAT"), *(plain(count) for count in slot.counts.values())]
            for slot in reversed(slots)
            if any(slot.counts.values())
        ],
    )


def _outcome_words(counts: dict[str, int]) -> str:
    """“12 done, 1 not done”: the counts above zero."""
    said = {
        "done": ngettext("%d done", "%d done", counts["done"]),
        "failed": ngettext("%d failed", "%d failed", counts["failed"]),
        "uncertain": ngettext("%d unconfirmed", "%d unconfirmed", counts["uncertain"]),
        "cancelled": ngettext("%d cancelled", "%d cancelled", counts["cancelled"]),
    }
    return ", ".join(words % counts[name] for name, words in said.items() if counts[name])
