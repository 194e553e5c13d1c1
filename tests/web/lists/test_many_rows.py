"""Large accounts: a list uses the same queries for ten rows and for thousands, and reads a page from an index."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests.bench.mirror_rows import account_with

FEW, MANY = 10, 2_000
LAST = f"page={MANY // 50}"
# Query strings for each list: default order, other orders, filters, search and a late page.
WAYS = {
    "dashboard": ("",),
    "servers": ("", "q=00007", "state=halted", "sort=state", "sort=-shares", "q=7&state=running&sort=-state", LAST),
    "disks": ("", "q=00007", "state=attached", "sort=state", "sort=size_mb", "sort=fstype", LAST),
    "operations": ("", "q=00007", "state=open", "state=done", "sort=what", "sort=-state", "sort=remote_id", LAST),
}


@pytest.fixture(scope="module")
def lists() -> list[tuple[str, str]]:
    return [(name, way) for name, ways in WAYS.items() for way in ways]


def statements(browser: Client, account: Account, name: str, way: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(f"{reverse(name, args=[account.pk])}?{way}").status_code == 200
    return [query["sql"] for query in captured]


def test_lists_use_the_same_queries_for_few_rows_and_thousands(
    browser: Client, owner: Membership, lists: list[tuple[str, str]]
) -> None:
    few, many = account_with(FEW, owner), account_with(MANY, owner)
    for name, way in lists:
        if way != LAST:
            assert len(statements(browser, few, name, way)) == len(statements(browser, many, name, way)), (name, way)


def test_page_is_read_from_an_index(browser: Client, owner: Membership, lists: list[tuple[str, str]]) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("what SQLite plans")
    account = account_with(MANY, owner)
    for name, way in lists:
        pages = [sql for sql in statements(browser, account, name, way) if "LIMIT 51" in sql]
        assert len(pages) == (0 if name == "dashboard" else 1), (name, way)
        for sql in pages:
            assert ("JOIN" in sql) == (name == "operations"), (name, way)
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")
                plan = [str(row[3]) for row in cursor.fetchall()]
            assert any("SEARCH U0 USING COVERING INDEX" in step for step in plan), (name, way, plan)
            assert any("USING INTEGER PRIMARY KEY" in step for step in plan), (name, way, plan)


def test_pages_of_a_list_contain_each_row_once(browser: Client, owner: Membership) -> None:
    account = account_with(130, owner)
    for sort in ("hostname", "-hostname", "state", "-shares"):
        seen: list[str] = []
        for number in (1, 2, 3):
            page = browser.get(f"{reverse('servers', args=[account.pk])}?sort={sort}&page={number}").content.decode()
            seen += re.findall(r'class="cell-name"\s+href="[^"]+"><bdi>([^<]+)</bdi></a>', page)
            assert ('rel="next"' in page) == (number < 3)
        assert sorted(seen) == [f"web-{number:05}" for number in range(1, 131)], sort
