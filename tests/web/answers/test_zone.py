"""Times in the viewer's time zone."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("Asia/Tokyo", "2 Mar 2026 08:30"),
        ("America/Argentina/Buenos_Aires", "1 Mar 2026 20:30"),
        ("", "1 Mar 2026 23:30"),
        ("../../etc/passwd", "1 Mar 2026 23:30"),
        ("Europe", "1 Mar 2026 23:30"),
    ],
)
def test_times_use_the_time_zone_of_the_viewer(browser: Client, account: Account, zone: str, shown: str) -> None:
    vm = factories.vm(account, date_created=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    browser.cookies["zone"] = zone
    html = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert shown in html


def test_time_zone_does_not_leak_to_another_person(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account, date_created=datetime(2026, 3, 1, 23, 30, tzinfo=UTC))
    other = Client()
    other.force_login(owner.user)
    browser.cookies["zone"] = "Asia/Tokyo"
    url = reverse("server", args=[account.pk, vm.remote_id])
    browser.get(url)
    assert "1 Mar 2026 23:30" in other.get(url).content.decode()
