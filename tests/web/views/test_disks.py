"""Disks: attaching them to servers, and unattached disks."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from tests import factories
from tests.web.views.test_forms import beside


@pytest.mark.parametrize("typed", ["web-1", " WEB-1 ", "#{id}", "{id}", "web-1 #{id}"])
def test_server_can_be_given_by_name_or_id(browser: Client, account: Account, typed: str) -> None:
    vm, disk = factories.vm(account, "web-1", remote_id=4242), factories.disk(account)
    factories.vm(account, "web-10")
    url = reverse("disk_attach", args=[account.pk, disk.remote_id])
    assert browser.post(url, {"vm_id": typed.format(id=vm.remote_id)}).status_code == 303
    assert Operation.objects.get().vm_id == vm.remote_id


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("web", "Several servers match. Choose one: web-1 #11, web-10 #12, web-10 #13."),
        ("web-10", "Several servers match. Choose one: web-10 #12, web-10 #13."),
        ("mail", "No servers match"),
        ("theirs", "No servers match"),
        ("web-1 #12", "Several servers match. Choose one"),
        ("#99999999999999999999", "Several servers match. Choose one"),
        ("broken", "No servers match"),
    ],
)
def test_unknown_or_ambiguous_server_is_refused_at_the_field(
    browser: Client, account: Account, typed: str, words: str
) -> None:
    for number, name in ((11, "web-1"), (12, "web-10"), (13, "web-10")):
        factories.vm(account, name, remote_id=number)
    factories.vm(account, "broken", state="invalid")
    factories.vm(factories.account(factories.team()), "theirs")
    disk = factories.disk(account)
    response = browser.post(reverse("disk_attach", args=[account.pk, disk.remote_id]), {"vm_id": typed})
    html = response.content.decode()
    assert response.status_code == 422
    assert words in beside(html, "vm_id")
    assert f'value="{typed}"' in html
    assert not Operation.objects.exists()


def test_server_field_suggests_at_most_twenty_servers(browser: Client, account: Account) -> None:
    for number in range(30):
        factories.vm(account, f"web-{number:02}", remote_id=100 + number)
    url = reverse("disk_attach", args=[account.pk, factories.disk(account).remote_id])
    assert browser.get(url).content.decode().count("<option") == 20
    html = browser.get(url, {"vm_id": "b-2"}, headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'value="([^"]+)"', html) == [f"web-{number} #{100 + number}" for number in range(20, 30)]
    assert "<html" not in html


def test_unattached_disks_are_counted_and_listed(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    factories.disk(account, "in-use", on=vm)
    for name in ("left-1", "left-2"):
        factories.disk(account, name, size_mb=4096)
    here = reverse("disks", args=[account.pk])
    html = browser.get(here).content.decode()
    assert "2 unattached disks use 8 GB." in html
    assert f'href="{here}?state=created"' in html
    orphans = browser.get(f"{here}?state=created").content.decode()
    assert "left-1" in orphans
    assert "in-use" not in orphans
    assert "delete the others" in orphans
    assert "2 unattached: 8 GB" in browser.get(reverse("dashboard", args=[account.pk])).content.decode()


def test_server_page_offers_to_detach_data_disks(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    system = factories.disk(account, "system", on=vm, type="system", is_boot_disk=True, position=0)
    data = factories.disk(account, "data", on=vm)
    html = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert html.index(">system<") < html.index(">data<")
    assert reverse("disk_detach", args=[account.pk, data.remote_id]) in html
    assert reverse("disk_detach", args=[account.pk, system.remote_id]) not in html
