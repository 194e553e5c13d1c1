"""The charts of what a server uses."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from hosting.inventory.figures import Sample
from hosting.inventory.models import Vm
from hosting.web.charts import figures
from hosting.web.wording.formats import percent, rate

NOW = datetime(2026, 11, 28, 12, 3, tzinfo=UTC)
VM = Vm(memory_mb=256)


def sample(minutes_ago: int, value: float) -> Sample:
    return Sample(int((NOW - timedelta(minutes=minutes_ago)).timestamp()), *[value] * 6)


def test_step_has_the_average_of_its_samples_and_begins_at_a_round_time() -> None:
    # Noon is three minutes ago: the first two belong to the step before.
    samples = [sample(ago, value) for ago, value in ((8, 10), (4, 30), (3, 50), (1, 100))]
    cpu, *_ = figures.charts(VM, samples, 6, NOW)
    assert [row[1] for row in cpu.rows] == ["75%", "20%"]
    assert ["12:00" in cpu.rows[0][0], "11:55" in cpu.rows[1][0]] == [True, True]
    assert cpu.summary == "CPU: 47.5% on average, 75% at most."


def test_nothing_used_is_drawn_at_zero() -> None:
    for chart in figures.charts(VM, [sample(2, 0), sample(1, 0)], 1, NOW):
        assert chart.drawing
        assert next(row.label for row in chart.drawing.rows) == "0"


@pytest.mark.parametrize("value", [1e-9, 0.004, 1e14])
def test_tiny_and_huge_figures_are_drawn(value: float) -> None:
    for chart in figures.charts(VM, [sample(1, value)], 1, NOW):
        assert chart.drawing
        assert all("nan" not in path.line and "e" not in path.line for path in chart.drawing.paths)


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0, "0 B/s"), (1023, "1,023 B/s"), (1024, "1 KB/s"), (1024 * 1023.999, "1 MB/s"), (5 * 1024**3, "5,120 MB/s")],
)
def test_rates_are_in_the_unit_that_fits(amount: float, words: str) -> None:
    assert rate(amount) == words


def test_words_are_french_in_french() -> None:
    with translation.override("fr"):
        assert percent(12.5).startswith("12,5")
        assert rate(1536).startswith("1,5")
