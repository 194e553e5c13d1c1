"""The tabs of a server: one for each of its pages that its endpoint has something for."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.text import format_lazy

from hosting.accounts.models import Account
from hosting.web.pages import server_tabs
from tests import factories

pytestmark = pytest.mark.django_db
NAV = '<nav class="tabs"'
# Stands for any page that only some endpoints have.
DISKS = server_tabs.Tab("disks", "server_resize", format_lazy("Its disks"), "hard-drive")


def page(browser: Client, account: Account) -> str:
    vm = factories.vm(account)
    return browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()


@pytest.mark.parametrize("is_offered", [True, False])
def test_pages_of_a_server_are_offered_where_its_endpoint_has_them(
    is_offered: bool, browser: Client, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = server_tabs.Tab(DISKS.name, DISKS.view, DISKS.label, DISKS.icon, lambda _account: is_offered)
    monkeypatch.setattr(server_tabs, "TABS", (server_tabs.TABS[0], other))
    html = page(browser, account)
    # A lone tab would lead nowhere.
    assert (NAV in html) == is_offered
    assert ("Its disks" in html) == is_offered
    assert html.count('class="tab" aria-current="page"') == is_offered
