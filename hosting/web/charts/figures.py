"""The charts of a server's page Figures, from its samples."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.inventory.figures import Sample
from hosting.inventory.models import Vm
from hosting.web.charts import svg
from hosting.web.charts.chart import Chart, moment, unit_of
from hosting.web.wording.formats import percent, rate, size, when

# The length of each period in hours, and of the steps whose averages are drawn, in minutes.
PERIODS = {1: 1, 6: 5, 24: 10, 48: 20}
DEFAULT_PERIOD = 6


@dataclass(frozen=True)
class _Series:
    """One line of a chart: its kind in the drawing, its name, and which of a sample's values it shows."""

    kind: str
    name: str
    value: Callable[[Sample], float]


def period_of(asked: str | None) -> int:
    """The period in the address, in hours."""
    return next((hours for hours in PERIODS if str(hours) == asked), DEFAULT_PERIOD)


def charts(vm: Vm, samples: Sequence[Sample], hours: int, now: datetime) -> list[Chart]:
    """CPU, memory, disk and network over the last hours."""
    step = timedelta(minutes=PERIODS[hours])
    steps = _steps(samples, step)
    start = now - timedelta(hours=hours)

    def drawn(name: str, title: str, series: Sequence[_Series], words: Callable[[float], str], paid: int = 0) -> Chart:
        return _chart(Chart(name, title), series, words, steps, (start, now, step), paid)

    cpu = [_Series("run", _("CPU"), lambda each: each.cpu_percent)]
    memory = [_Series("used", _("Used"), lambda each: each.memory_mb)]
    disk = [
        _Series("run", _("Data read"), lambda each: each.disk_read_bps),
        _Series("second", _("Data written"), lambda each: each.disk_written_bps),
    ]
    network = [
        _Series("run", _("Data received"), lambda each: each.net_in_bps),
        _Series("second", _("Data sent"), lambda each: each.net_out_bps),
    ]
    return [
        drawn("cpu", _("CPU, in percent of one core"), cpu, percent),
        drawn("memory", _("Memory"), memory, size, vm.memory_mb),
        drawn("disk", _("Disk per second"), disk, rate),
        drawn("network", _("Network per second"), network, rate),
    ]


def _steps(samples: Sequence[Sample], step: timedelta) -> list[tuple[datetime, Sample]]:
    """The averages over steps that begin at multiples of their length, oldest first, without those of no samples."""
    length = int(step.total_seconds())
    found: dict[int, list[Sample]] = {}
    for sample in samples:
        found.setdefault(sample.at // length * length, []).append(sample)
    return [
        (datetime.fromtimestamp(at, UTC), Sample(*(sum(column) / len(those) for column in zip(*those, strict=True))))
        for at, those in sorted(found.items())
    ]


def _chart(
    chart: Chart,
    series: Sequence[_Series],
    words: Callable[[float], str],
    steps: Sequence[tuple[datetime, Sample]],
    span: tuple[datetime, datetime, timedelta],
    paid: int,
) -> Chart:
    """The chart with its drawing, summary and table. `paid`: an amount that is drawn as a line all along."""
    start, end, step = span
    if not steps:
        return Chart(chart.name, chart.title, empty=_("No figures in this period."))
    points = [(at, tuple(each.value(sample) for each in series)) for at, sample in steps]
    unit = unit_of(max(paid, *(value for _at, values in points for value in values))) if words is not percent else 1
    drawing = svg.steps(
        points,
        start,
        end,
        [each.kind for each in series],
        unit=unit,
        lasts=step,
        limit=paid or None,
        label=lambda value: words(value) if value else "0",
        moment=moment,
        zone=timezone.get_current_timezone(),
    )
    names = [each.name for each in series]
    legend = [(each.kind, each.name) for each in series] if len(series) > 1 or paid else []
    return Chart(
        chart.name,
        chart.title,
        drawing,
        " ".join([*_summaries(names, points, words), *([_("Paid for: %s.") % words(paid)] if paid else [])]),
        legend=[*legend, *([("granted", _("Paid for"))] if paid else [])],
        head=[_("From"), *names],
        rows=[[when(at), *(words(value) for value in values)] for at, values in reversed(points)],
    )


def _summaries(names: Sequence[str], points: Sequence[svg.Point], words: Callable[[float], str]) -> list[str]:
    """A sentence for each series."""
    found = []
    for index, name in enumerate(names):
        values = [values[index] for _at, values in points]
        told = {"name": name, "average": words(sum(values) / len(values)), "highest": words(max(values))}
        found.append(_("%(name)s: %(average)s on average, %(highest)s at most.") % told)
    return found
