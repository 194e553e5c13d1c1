"""Share arithmetic."""

from datetime import UTC, datetime, timedelta

from hosting.provider.rules.quota import Bought, Capacity, capacity_of, resources, split_expired

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_share_brings_disk_quota_and_one_server() -> None:
    bought = [Bought("shares", 2, NOW), Bought("shares_fixed", 1, NOW), Bought("disk", 1024, NOW)]
    assert capacity_of(bought) == Capacity(shares=3, disk_mb=3 * 8192 + 1024, servers=3)


def test_resources_in_the_units_of_the_api() -> None:
    assert resources(Capacity(shares=3, disk_mb=25600, servers=2)) == {
        "shares": 3,
        "servers": 2,
        "memory": 768,
        "cores": 0.75,
        "disk": 25600,
        "bandwidth": 15360.0,
        "ips": 2,
        "slots": 2.001,
    }


def test_a_product_expires_then_can_be_redeemed_for_seven_days_then_is_gone() -> None:
    product = Bought("shares", 1, NOW)
    assert split_expired([product], NOW - timedelta(seconds=1)) == ([product], [])
    assert split_expired([product], NOW) == ([], [product])
    assert split_expired([product], NOW + timedelta(days=7, seconds=-1)) == ([], [product])
    assert split_expired([product], NOW + timedelta(days=7)) == ([], [])
