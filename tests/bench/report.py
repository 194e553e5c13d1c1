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
class Target:
    """What was aimed at, in words, and whether it was reached."""

    text: str
    met: bool


@dataclass(frozen=True)
class Figure:
    """One measured quantity, beside its naive counterpart where there is one; times are medians unless it says more.

    `note` is for people. `more` holds further figures of the same thing by name, their units in the names.
    """

    what: str
    unit: str
    ours: float
    naive: float | None
    note: str = ""
    higher_is_better: bool = False
    target: Target | None = None
    more: dict[str, float] = field(default_factory=dict)

    @property
    def times_better(self) -> float | None:
        """How many times less ours takes, or how many times more it serves."""
        if self.naive is None or not self.ours or not self.naive:
            return None
        return self.ours / self.naive if self.higher_is_better else self.naive / self.ours


def at_least(wanted: float, measured: float, unit: str) -> Target:
    return Target(f"≥ {wanted:g} {unit}", measured >= wanted)


def at_most(wanted: float, measured: float, unit: str) -> Target:
    return Target(f"≤ {wanted:g} {unit}", measured <= wanted)


def _number(value: float | None) -> str:
    """Three significant digits, and no fewer than the whole part has."""
    if value is None:
        return ""
    decimals = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{decimals}f}"


_HEAD = ("what", "unit", "Sharedeck", "naive", "better", "target", "notes")
_NUMBERS = {2, 3, 4}


def _cells(figure: Figure) -> tuple[str, ...]:
    better = figure.times_better
    target = f"{figure.target.text} {'met' if figure.target.met else 'MISSED'}" if figure.target else ""
    return (
        figure.what,
        figure.unit,
        _number(figure.ours),
        _number(figure.naive),
        f"{_number(better)}x" if better is not None else "",
        target,
        figure.note,
    )


def table(figures: Iterable[Figure]) -> str:
    """All figures in aligned columns."""
    rows = [_cells(figure) for figure in figures]
    widths = [max(len(row[column]) for row in (_HEAD, *rows)) for column in range(len(_HEAD))]
    lines = []
    for row in (_HEAD, tuple("-" * width for width in widths), *rows):
        cells = [
            text.rjust(width) if column in _NUMBERS else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def markdown(figures: Iterable[Figure]) -> str:
    """All figures as a Markdown table, under a line that says when and on what they were measured."""
    rule = ("---:" if column in _NUMBERS else "---" for column in range(len(_HEAD)))
    rows = [_HEAD, tuple(rule), *(_cells(figure) for figure in figures)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"Measured on {datetime.now(UTC):%Y-%m-%d} on {_machine()}; load {_load()}.", "", *lines])


def _machine() -> str:
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors and {memory_gb:.0f} GB of memory, Python {platform.python_version()}"


def _load() -> str:
    """How busy the machine was, also with work that was none of the bench's."""
    return " ".join(f"{load:.1f}" for load in os.getloadavg())


def write(path: Path, figures: Iterable[Figure], settings: dict[str, int | str]) -> None:
    """The same figures as JSON, with what they were measured on."""
    content = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processors": os.cpu_count(),
            "size": _machine(),
            "load": _load(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "settings": settings,
        "figures": [{**asdict(figure), "times_better": figure.times_better} for figure in figures],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
