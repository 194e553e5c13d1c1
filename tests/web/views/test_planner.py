"""The capacity planner."""

import re

from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories


def test_planner_counts_pending_operations_and_links_to_the_form(
    browser: Client, account: Account, owner: Membership
) -> None:
    image = factories.os_image(account, min_disk_mb=3072)
    factories.operation(
        account, by=owner, kind="vm_create", state="waiting", reserved_shares=4, reserved_disk_mb=3072, vm_id=None
    )
    params = {"product_name": "shares", "quantity": 6, "duration": "1m"}
    factories.operation(account, by=owner, kind="hosting_account_product_add", state="waiting", params=params)
    url = reverse("planner", args=[account.pk])
    html = browser.get(url, {"shares": 2, "cpu": 2, "count": 4}).content.decode()
    # Ten shares are free, and a pending server takes four of them.
    assert re.search(r'tile-number">\s*3\s', html)
    assert "No capacity for 1 server." in html
    assert "Buy 2 shares to make room" in html
    assert "Purchase pending: 6 shares." in html
    assert f"{reverse('server_alone', args=[account.pk])}?shares=2&amp;cpu=2&amp;os_id={image.remote_id}" in html
    with_disk = browser.get(url, {"shares": "2", "cpu": "2", "disk": "20"}).content.decode()
    assert f"{reverse('server_new', args=[account.pk])}?shares=2&amp;cpu=2" in with_disk
    assert "disk_size_mb=20480+MB" in with_disk


def test_planner_shows_errors_in_the_size(browser: Client, account: Account) -> None:
    url = reverse("planner", args=[account.pk])
    asked = "?shares=1&cpu=3&disk=0.5&os_id=4711&count=x"
    html = browser.get(url + asked, headers={"HX-Request": "true"}).content.decode()
    for words in ("one CPU per share", "between 1 GB", "one of the available options", "whole number"):
        assert words in html


def test_planner_without_data_says_so(browser: Client, account: Account) -> None:
    account.info.delete()
    assert "No data yet" in browser.get(reverse("planner", args=[account.pk])).content.decode()
