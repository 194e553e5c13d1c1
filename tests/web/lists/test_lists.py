"""Lists: a fixed number of queries; search, filter, sorting and paging by query string."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories

# The frame of every page: person, membership, account, switcher. The first page after a change also counts open
# operations (1), items that need attention (4) and held operations (1), and reads recently finished operations (1).
FRAME, COUNTS = 4, 7
QUERIES = {
    "servers": FRAME + 5,  # rows; open operations; the team's tags; the rows'; saved views
    "disks": FRAME + 8,  # as servers; capacity; the servers' names; unattached disks
    "operations": FRAME + 3,  # rows; bulk actions; saved views
    "changes": FRAME + 2,  # rows; saved views
    "shares": FRAME + 5,  # products; those that renew themselves; open operations; capacity; saved views
}


def fill(account: Account, owner: Membership, count: int) -> None:
    for number in range(count):
        vm = factories.vm(account, f"vm-{number:03}", state="halted" if number % 2 else "running")
        factories.disk(account, f"disk-{number:03}", on=vm if number % 2 else None)
        factories.product(account)
        factories.running_operation(account, by=owner, target=f"vm:{vm.remote_id}", vm_id=vm.remote_id)
        factories.change(account, name=f"vm-{number:03}")
        if number < 20:
            factories.tag(owner.team, on=[vm])
            factories.saved_view(owner)


@pytest.mark.parametrize("count", [10, 200])
def test_list_uses_the_same_queries_for_any_number_of_rows(
    browser: Client,
    account: Account,
    owner: Membership,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    fill(account, owner, count)
    with django_assert_num_queries(QUERIES["servers"] + COUNTS):
        browser.get(reverse("servers", args=[account.pk]))
    for name, queries in QUERIES.items():
        url = reverse(name, args=[account.pk])
        with django_assert_num_queries(queries):
            html = browser.get(url).content.decode()
        assert html.count("<tr") >= min(count, 50), name


@pytest.mark.parametrize("count", [10, 200])
def test_dashboard_uses_the_same_queries_for_any_account_size(
    browser: Client,
    account: Account,
    owner: Membership,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    fill(account, owner, count)
    # Items that need attention (4), capacity, balance, servers, disks, unattached, running, finished, plans; what ends
    # (products, those that renew themselves, renewals, what runs, the newest servers).
    with django_assert_num_queries(FRAME + COUNTS + 17):
        browser.get(reverse("dashboard", args=[account.pk]))


def rows(browser: Client, url: str) -> list[str]:
    return re.findall(r'class="cell-name"\s+href="[^"]+"><bdi>([^<]+)</bdi></a>', browser.get(url).content.decode())


def test_list_shows_fifty_rows_per_page(browser: Client, account: Account) -> None:
    for number in range(60):
        factories.vm(account, f"vm-{number:03}")
    url = reverse("servers", args=[account.pk])
    assert rows(browser, url) == [f"vm-{number:03}" for number in range(50)]
    assert rows(browser, f"{url}?page=2") == [f"vm-{number:03}" for number in range(50, 60)]
    assert len(rows(browser, f"{url}?page=nonsense")) == 50
    assert len(rows(browser, f"{url}?page=99")) > 0
    assert len(rows(browser, f"{url}?per_page=1000")) == 50


def test_servers_are_filtered_by_part_of_the_name_and_by_state(browser: Client, account: Account) -> None:
    factories.vm(account, "web-1")
    factories.vm(account, "web-2", state="halted")
    factories.vm(account, "db-1", state="halted")
    url = reverse("servers", args=[account.pk])
    assert rows(browser, f"{url}?q=WEB") == ["web-1", "web-2"]
    assert rows(browser, f"{url}?state=halted") == ["db-1", "web-2"]
    assert rows(browser, f"{url}?q=web&state=halted") == ["web-2"]
    assert "No servers match" in browser.get(f"{url}?q=nothing").content.decode()


def test_list_is_sorted_by_the_query_string(browser: Client, account: Account) -> None:
    for shares, name in ((3, "a"), (1, "b"), (2, "c")):
        factories.vm(account, name, shares=shares)
    url = reverse("servers", args=[account.pk])
    assert rows(browser, f"{url}?sort=-hostname") == ["c", "b", "a"]
    assert rows(browser, f"{url}?sort=shares") == ["b", "c", "a"]
    assert rows(browser, f"{url}?sort=no_such_column") == ["a", "b", "c"]


def test_operations_are_filtered_by_outcome(browser: Client, account: Account) -> None:
    factories.operation(account, subject="refused-one", state="refused")
    factories.operation(account, subject="done-one", state="done")
    factories.running_operation(account, subject="open-one")
    url = reverse("operations", args=[account.pk])
    assert rows(browser, f"{url}?state=failed") == ["Stop server refused-one"]
    assert rows(browser, f"{url}?state=open") == ["Stop server open-one"]
    assert rows(browser, f"{url}?q=done") == ["Stop server done-one"]


def test_busy_row_shows_its_operation_instead_of_buttons(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    operation = factories.running_operation(account, target=f"vm:{vm.remote_id}", vm_id=vm.remote_id)
    page = browser.get(reverse("servers", args=[account.pk])).content.decode()
    assert reverse("operation", args=[account.pk, operation.pk]) in page
    assert reverse("server_stop", args=[account.pk, vm.remote_id]) not in page


def test_empty_list_says_so(browser: Client, account: Account) -> None:
    assert "No servers yet" in browser.get(reverse("servers", args=[account.pk])).content.decode()
