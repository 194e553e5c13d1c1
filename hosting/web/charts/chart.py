"""A chart with its words, as `components/chart_card.html` shows it, and what its axes say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import formats
from django.utils.translation import gettext as _

from hosting.web.charts import svg


@dataclass(frozen=True)
class Chart:
    """A chart with its words, and its data as a table, newest row first. `empty` is the text when there is no data."""

    name: str
    title: str
    drawing: svg.Drawing | None = None
    summary: str = ""
    empty: str = ""
    legend: Sequence[tuple[str, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    @property
    def table(self) -> list[list[tuple[str, str]]]:
        """The rows, each cell with the label of its column."""
        return [list(zip(self.head, row, strict=True)) for row in self.rows]


def unit_of(amount: float) -> int:
    """The unit in which an amount is said (see `formats.size`), where 1,024 of one make the next: grid lines are round
    values in this unit.
    """
    return 1 if amount < 1024 else 1024 if amount < 1024 * 1024 else 1024 * 1024


def moment(at: datetime) -> str:
    """The hour, or the date at midnight."""
    return f"{at:%H:%M}" if at.hour or at.minute else day_words(at)


def day_words(day: date) -> str:
    # Translators: a day without its year as Django writes it, short enough for the axis of a chart.
    return formats.date_format(day, _("j M"))
