"""Pages: what the server takes to make one, for accounts of three sizes, and what asking the API for it would take."""

from collections.abc import Callable
from functools import partial

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web.tables import PER_PAGE
from tests.bench import mirror_rows, naive
from tests.bench.report import Figure, require
from tests.bench.timing import Times, repeated
from tests.stack import Remote as NaiveClient

SIZES = (10, 1_000, 10_000)
NAIVE_WAYS: dict[str, Callable[[NaiveClient, int], list[naive.Row]]] = {
    "dashboard": naive.dashboard,
    "servers": naive.servers,
    "disks": naive.disks,
    "operations": naive.operations,
}
_LISTS = ("servers", "disks", "operations")
_PAGES = 40


def browser(owner: Membership) -> Client:
    """A signed-in client. Its session is in Valkey, as in real life."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner.user)
    return client


def naive_times(api: NaiveClient, repeat: int) -> dict[tuple[str, int], Times]:
    """What the API takes to tell what each page shows with so many rows, by (page, rows); rendering not included."""
    return {
        (page, rows): repeated(partial(_ask, api, page, rows), repeat)
        for page in NAIVE_WAYS
        for rows in sorted({min(size, PER_PAGE) for size in SIZES})
    }


def _ask(api: NaiveClient, page: str, rows: int) -> None:
    """Do it the naive way, and see that it brings what the page shows."""
    read = len(NAIVE_WAYS[page](api, rows))
    wanted = rows if page in _LISTS else min(rows, naive.DASHBOARD_OPERATIONS)
    require(read == wanted, f"the naive way to the page {page} brought {read} rows and not {wanted}")


def measure(
    owner: Membership,
    accounts: dict[int, Account],
    api: NaiveClient,
    slow: dict[tuple[str, int], Times],
    repeat: int,
) -> list[Figure]:
    """Milliseconds of server time for a page (Django's test client: middleware, session, SQL, templates).

    The naive way is measured right before each, without latency; `slow` is what it takes with 20 ms at the provider.
    """
    client = browser(owner)
    figures = []
    for page in NAIVE_WAYS:
        queries: dict[int, int] = {}
        for size, account in accounts.items():
            url = reverse(page, args=[account.pk])
            rows = min(size, PER_PAGE)
            with CaptureQueriesContext(connection) as captured:
                _get(client, url, page, rows)
            queries[size] = len(captured)
            quick = repeated(partial(_ask, api, page, rows), repeat)
            times = repeated(partial(_get, client, url, page, rows), _PAGES, warm_up=3)
            slow_ms = slow[page, rows].median_ms
            figures.append(
                Figure(
                    f"page {page}, {size:,} servers",
                    "ms",
                    times.median_ms,
                    quick.median_ms,
                    f"p95 {times.p95_ms:.1f} ms, {queries[size]} SQL; naive with 20 ms: {slow_ms:,.0f} ms",
                    more={"p95_ms": times.p95_ms, "sql_queries": queries[size], "naive_with_20_ms": slow_ms},
                )
            )
        require(len({*queries.values()}) == 1, f"{page} costs other queries for other sizes: {queries}")
    return figures


def accounts(owner: Membership) -> dict[int, Account]:
    """One account of each size."""
    return {size: mirror_rows.account_with(size, owner) for size in SIZES}


def _get(client: Client, url: str, page: str, rows: int) -> None:
    """Fetch the page and see that it is the whole page."""
    response = client.get(url)
    require(response.status_code == 200, f"{page} answered {response.status_code}")
    shown = response.content.count(b"<tr") - 1
    require(b"</html>" in response.content, f"{page} is not a whole page")
    require(page not in _LISTS or shown == rows, f"{page} shows {shown} rows and not {rows}")
