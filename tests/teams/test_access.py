"""Team policies as pure functions: networks, sessions, grace periods and quiet hours."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hosting.teams.access import networks
from hosting.teams.access.policy import Denial, Policy, RequestDetails, denial, grace_until, network_denial
from hosting.teams.access.quiet_hours import QuietHours

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
OFFICE = (networks.read("192.0.2.0/24"), networks.read("2001:db8:1::/48"))


def facts(
    *,
    address: str = "192.0.2.7",
    signed_in: timedelta | None = timedelta(minutes=1),
    has_second_factor: bool = False,
    now: datetime = NOW,
) -> RequestDetails:
    return RequestDetails(now, address, None if signed_in is None else now - signed_in, has_second_factor)


def test_empty_policy_denies_nobody() -> None:
    assert denial(Policy(), LONG_AGO, facts(address="", signed_in=None)) is None


# Networks --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("192.0.1.255", False),
        ("::ffff:192.0.2.7", True),
        ("::ffff:c000:0207", True),
        ("::ffff:192.0.3.7", False),
        ("::192.0.2.7", False),
        ("2001:db8:1::7", True),
        ("2001:DB8:1:FFFF::", True),
        ("2001:db8:2::7", False),
        ("2001:db8:1::7%eth0", True),
        ("192.0.2.7:443", False),
        ("192.0.2.7, 10.0.0.1", False),
        ("192.0.2.07", False),
        ("3221225991", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_network_policy_checks_the_address(address: str, inside: bool) -> None:
    assert networks.allows(OFFICE, address) is inside
    assert network_denial(Policy(networks=OFFICE), address) == (None if inside else Denial.NETWORK)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        (" 2001:DB8::/32 ", "2001:db8::/32"),
        ("::/0", "::/0"),
    ],
)
def test_network_is_parsed_and_normalized(text: str, network: str) -> None:
    assert str(networks.read(text)) == network


@pytest.mark.parametrize("text", ["192.0.2.7/24", "192.0.2.0/33", "fe80::%eth0/64", "office", "", "1", "10.0.0.0/-1"])
def test_invalid_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever the library says of it
        networks.read(text)


def test_network_of_one_ip_version_excludes_the_other() -> None:
    assert not networks.allows([networks.read("0.0.0.0/0")], "2001:db8::1")
    assert not networks.allows([networks.read("::/0")], "192.0.2.1")


# Sessions --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("since", "keeps_out"),
    [
        (timedelta(0), False),
        (timedelta(hours=8) - timedelta(microseconds=1), False),
        (timedelta(hours=8), True),
        (timedelta(days=30), True),
        (None, True),
    ],
)
def test_session_policy_denies_an_old_sign_in(since: timedelta | None, keeps_out: bool) -> None:
    assert denial(Policy(session_hours=8), LONG_AGO, facts(signed_in=since)) == (Denial.SESSION if keeps_out else None)


# Second factors --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("joined_days_ago", "asked_days_ago", "grace_days", "keeps_out"),
    [
        (400, 7, 7, True),
        (400, 6, 7, False),
        (3, 100, 7, False),
        (7, 100, 7, True),
        (8, 100, 7, True),
        (400, 0, 0, True),
        (0, 400, 0, True),
        (30, 400, 30, True),
        (29, 400, 30, False),
    ],
)
def test_grace_period_counts_from_the_later_of_policy_and_joining(
    joined_days_ago: int, asked_days_ago: int, grace_days: int, keeps_out: bool
) -> None:
    policy = Policy(two_factor_since=NOW - timedelta(days=asked_days_ago), grace_days=grace_days)
    joined_at = NOW - timedelta(days=joined_days_ago)
    assert denial(policy, joined_at, facts()) == (Denial.TWO_FACTOR if keeps_out else None)
    assert denial(policy, joined_at, facts(has_second_factor=True)) is None
    until = NOW + timedelta(days=grace_days - min(joined_days_ago, asked_days_ago))
    assert grace_until(policy, joined_at, has_second_factor=False) == until


def test_grace_period_ends_at_the_exact_moment() -> None:
    policy = Policy(two_factor_since=NOW - timedelta(days=7), grace_days=7)
    before = facts(now=NOW - timedelta(microseconds=1))
    assert denial(policy, LONG_AGO, before) is None
    assert denial(policy, LONG_AGO, facts()) is Denial.TWO_FACTOR


def test_grace_period_needs_a_policy_and_a_missing_second_factor() -> None:
    assert grace_until(Policy(grace_days=7), NOW, has_second_factor=False) is None
    assert grace_until(Policy(two_factor_since=NOW), NOW, has_second_factor=True) is None


def test_denials_are_ordered_network_session_two_factor() -> None:
    policy = Policy(two_factor_since=LONG_AGO, session_hours=1, networks=OFFICE)
    old = facts(address="203.0.113.1", signed_in=timedelta(days=1))
    assert denial(policy, LONG_AGO, old) is Denial.NETWORK
    assert denial(policy, LONG_AGO, facts(signed_in=timedelta(days=1))) is Denial.SESSION
    assert denial(policy, LONG_AGO, facts()) is Denial.TWO_FACTOR


# Quiet hours -----------------------------------------------------------------------------------------------
PARIS = ZoneInfo("Europe/Paris")


def paris(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold)


def quiet(start: str, end: str, *days: int, zone: str = "Europe/Paris") -> QuietHours:
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end), zone, frozenset(days or range(7)))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-23 21:59:59", None),
        ("2026-11-23 22:00", "2026-11-24 06:00"),
        ("2026-11-23 23:59", "2026-11-24 06:00"),
        ("2026-11-24 00:00", "2026-11-24 06:00"),
        ("2026-11-24 05:59:59", "2026-11-24 06:00"),
        ("2026-11-24 06:00", None),
        ("2026-11-24 12:00", None),
    ],
)
def test_quiet_hours_can_span_midnight(now: str, until: str | None) -> None:
    assert quiet("22:00", "06:00").until(paris(now)) == (paris(until) if until else None)


def test_quiet_day_is_the_day_on_which_the_hours_begin() -> None:
    friday = quiet("22:00", "06:00", 4)
    assert friday.until(paris("2026-11-20 05:00")) is None
    assert friday.until(paris("2026-11-20 22:00")) == paris("2026-11-21 06:00")
    assert friday.until(paris("2026-11-21 05:00")) == paris("2026-11-21 06:00")
    assert friday.until(paris("2026-11-21 22:00")) is None


def test_adjacent_quiet_periods_are_joined() -> None:
    weekend = quiet("00:00", "00:00", 5, 6)
    assert weekend.until(paris("2026-11-20 23:59")) is None
    assert weekend.until(paris("2026-11-21 00:00")) == paris("2026-11-23 00:00")
    assert weekend.until(paris("2026-11-22 23:59")) == paris("2026-11-23 00:00")
    assert weekend.until(paris("2026-11-23 00:00")) is None
    six_days = quiet("12:00", "12:00", 0, 1, 2, 3, 4, 5)
    assert six_days.until(paris("2026-11-23 12:00")) == paris("2026-11-29 12:00")


def test_quiet_hours_use_the_time_zone_of_the_team() -> None:
    midday = quiet("12:00", "13:00", zone="Asia/Tokyo")
    assert midday.until(datetime(2026, 11, 23, 3, 30, tzinfo=UTC)) == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert midday.until(datetime(2026, 11, 23, 12, 30, tzinfo=UTC)) is None
    # Monday evening in UTC is Tuesday in Tokyo.
    tuesday = quiet("08:00", "09:00", 1, zone="Asia/Tokyo")
    assert tuesday.until(datetime(2026, 11, 23, 23, 30, tzinfo=UTC)) == datetime(2026, 11, 24, tzinfo=UTC)


def test_quiet_night_is_shorter_when_clocks_go_forward() -> None:
    night = quiet("22:00", "06:00")
    begins, ends = paris("2026-03-28 22:00"), paris("2026-03-29 06:00")
    assert ends.astimezone(UTC) - begins.astimezone(UTC) == timedelta(hours=7)
    assert night.until(begins) == ends
    assert night.until(ends - timedelta(seconds=1)) == ends
    assert night.until(ends) is None


def test_quiet_hours_ending_in_a_skipped_hour_end_at_the_clock_change() -> None:
    # 02:00 is 03:00 on that night.
    assert quiet("01:00", "02:00").until(paris("2026-03-29 01:30")) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert quiet("01:00", "02:00").until(datetime(2026, 3, 29, 1, tzinfo=UTC)) is None


def test_repeated_hour_is_quiet_both_times() -> None:
    early = quiet("02:00", "02:30")
    for fold in (0, 1):
        now = paris("2026-10-25 02:15", fold).astimezone(UTC)
        assert early.until(now) == paris("2026-10-25 02:30", 1).astimezone(UTC)
    assert early.until(paris("2026-10-25 02:30", 1).astimezone(UTC)) is None


def test_quiet_hours_without_end_are_detected() -> None:
    assert quiet("09:00", "09:00").always
    assert not quiet("09:00", "09:00", 0, 1).always
    assert not quiet("09:00", "08:59").always
