"""What was measured, as one table for people and one file for programs."""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path


class BenchError(Exception):
    """What was timed did not do the work: its figures would mean nothing."""


def require(holds: object, message: str) -> None:
    """Raises BenchError with `message` unless `holds`."""
    if not holds:
        raise BenchError(message)


@dataclass(frozen=True)
class Figure:
    """One measured quantity beside its naive counterpart; times are medians.

    `note` is for people. `more` holds further figures of the same thing by name, their units in the names.
    """

    what: str
    unit: str
    ours: float
    naive: float
    note: str = ""
    higher_is_better: bool = False
    more: dict[str, float] = field(default_factory=dict)

    @property
    def times_better(self) -> float:
        """How many times less ours takes, or how many times more it serves."""
        return self.ours / self.naive if self.higher_is_better else self.naive / self.ours


def _number(value: float) -> str:
    """Three significant digits, and no fewer than the whole part has."""
    decimals = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"


def table(figures: Iterable[Figure]) -> str:
    """All figures in aligned columns."""
    head = ("what", "unit", "Sharedeck", "naive", "better", "notes")
    rows = [
        (
            figure.what,
            figure.unit,
            _number(figure.ours),
            _number(figure.naive),
            f"{_number(figure.times_better)}x",
            figure.note,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = []
    for row in (head, tuple("-" * width for width in widths), *rows):
        cells = [
            text.rjust(width) if column in {2, 3, 4} else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def write(path: Path, figures: Iterable[Figure], settings: dict[str, int]) -> None:
    """The same figures as JSON, with what they were measured on."""
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"processors": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
        "settings": settings,
        "figures": [{**asdict(figure), "times_better": round(figure.times_better, 3)} for figure in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
