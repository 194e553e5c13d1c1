"""The live poll of an open page when nothing has moved, which is what a panel serves most."""

import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web.live import HEADER
from tests.bench.pages import browser
from tests.bench.report import Figure, require
from tests.bench.timing import Times, timed

_POLLS, _PAGES, _BATCHES = 200, 10, 7


def measure(owner: Membership, account: Account) -> Figure:
    """Requests a second in one thread of this process: polls answered 204 without SQL, against whole pages."""
    client, url = browser(owner), reverse("servers", args=[account.pk])
    found = re.search(r'data-version="([^"]+)"', client.get(url).content.decode())
    require(found, "the list of servers does not tell its version")
    version = found.group(1) if found else ""

    def polls() -> None:
        for _ in range(_POLLS):
            _poll(client, url, version)

    def pages() -> None:
        for _ in range(_PAGES):
            require(client.get(url).status_code == 200, "the list of servers is no page")

    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    polls_s, pages_s = [], []
    for _ in range(_BATCHES):
        with connection.execute_wrapper(note):
            polls_s.append(timed(polls)[0])
        pages_s.append(timed(pages)[0])
    require(not statements, f"polls of a page that is still true asked the database {len(statements)} times")
    return Figure(
        "live poll, nothing moved (naive: the page again)",
        "requests/s",
        _POLLS / Times(polls_s).median_s,
        _PAGES / Times(pages_s).median_s,
        "204, 0 SQL",
        higher_is_better=True,
    )


def _poll(client: Client, url: str, version: str) -> None:
    response = client.get(url, headers={"HX-Request": "true", HEADER: version})
    require(response.status_code == 204, f"a poll of a page that is still true answered {response.status_code}")
