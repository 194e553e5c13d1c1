"""Calendar months with an anchor day."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.provider.rules.periods import add_months, months_left
from tests.fuzzing import examples

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
seconds = moments.map(lambda moment: moment.replace(microsecond=0))


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, (2026, 2, 28)), (12, (2027, 1, 31)), (13, (2027, 2, 28)), (25, (2028, 2, 29)), (-2, (2025, 11, 30))],
)
def test_months_end_on_the_last_existing_day(months: int, expected: tuple[int, int, int]) -> None:
    assert add_months(NOON, months, 31).timetuple()[:3] == expected


def test_the_next_month_returns_to_the_anchor_day() -> None:
    end = NOON
    for _ in range(6):
        end = add_months(end, 1, 31)
    assert end == datetime(2026, 7, 31, 12, tzinfo=UTC)
    leap_day = datetime(2024, 2, 29, tzinfo=UTC)
    assert add_months(leap_day, 12, 29) == datetime(2025, 2, 28, tzinfo=UTC)
    assert add_months(add_months(leap_day, 12, 29), 36, 29) == datetime(2028, 2, 29, tzinfo=UTC)


def test_a_date_that_agrees_with_no_anchor_day_keeps_its_day() -> None:
    assert add_months(datetime(2026, 3, 10, tzinfo=UTC), 1, 31) == datetime(2026, 4, 10, tzinfo=UTC)


@settings(max_examples=examples(300))
@given(bought=moments, durations=st.lists(st.integers(1, 60), min_size=1, max_size=12))
def test_single_months_end_on_the_same_day_as_all_at_once(bought: datetime, durations: list[int]) -> None:
    end = bought
    for months in durations:
        end = add_months(end, months, bought.day)
    assert end == add_months(bought, sum(durations), bought.day)


@settings(max_examples=examples(300))
@given(bought=moments, months=st.integers(1, 60), earlier=st.integers(0, 59))
def test_whole_months_are_left_at_the_end_of_each(bought: datetime, months: int, earlier: int) -> None:
    end = add_months(bought, months, bought.day)
    assert months_left(end, bought, bought.day) == months
    assert months_left(end, add_months(bought, min(earlier, months), bought.day), bought.day) == max(
        0, months - earlier
    )


@settings(max_examples=examples(300))
@given(bought=moments, months=st.integers(1, 60), more=st.integers(1, 60), part=st.fractions(0, 1))
def test_what_is_left_shrinks_steadily_and_grows_by_what_is_renewed(
    bought: datetime, months: int, more: int, part: Fraction
) -> None:
    end = add_months(bought, months, bought.day)
    now = bought + (end - bought) * float(part)
    later = now + timedelta(hours=1)
    left = months_left(end, now, bought.day)
    assert 0 <= months_left(end, later, bought.day) <= left <= months
    if now < end:
        assert months_left(end, later, bought.day) < left
        assert months_left(add_months(end, more, bought.day), now, bought.day) == left + more


def test_a_part_of_a_month_counts_by_the_real_length_of_that_month() -> None:
    first_of_march = datetime(2026, 3, 1, tzinfo=UTC)
    assert months_left(first_of_march, datetime(2026, 2, 1, tzinfo=UTC), 1) == 1
    assert months_left(first_of_march, datetime(2026, 2, 15, tzinfo=UTC), 1) == Fraction(1, 2)
    assert months_left(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC), 1) == Fraction(3, 2)
    assert months_left(first_of_march, first_of_march, 1) == 0
