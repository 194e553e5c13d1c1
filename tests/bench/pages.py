"""Pages: what the server takes to make one, for accounts of three sizes, and what asking the API for it would take."""

from collections.abc import Callable
from functools import partial

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web.lists.tables import PER_PAGE
from tests.bench import mirror_rows, naive
from tests.bench.report import Figure, at_most, require
from tests.bench.timing import Times, repeated
from tests.stack import Remote as NaiveClient

SIZES = (10, 1_000, 100_000)
_TARGETS_MS = {1_000: 30, 100_000: 60}
# What one object of any size is called.
_ONE_NAME = "00007"
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


def need_operations(api: NaiveClient) -> None:
    """See that there is a page of operations to ask for, when no other part of the bench has made any."""
    for vm_id in api.vm_list()[: max(0, PER_PAGE - len(api.operation_list()))]:
        api.vm_reboot(vm_id)


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

    Of a list: its first page, its last one, and a search that finds one row; what is told is the slowest of the three.
    The naive way is measured right before each, without latency; `slow` is what it takes with 20 ms at the provider.
    """
    client = browser(owner)
    figures = []
    for page in NAIVE_WAYS:
        queries: dict[str, set[int]] = {}
        for size, account in accounts.items():
            quick = repeated(partial(_ask, api, page, min(size, PER_PAGE)), repeat)
            ways = _ways(client, page, account, size)
            for way, get in ways.items():
                # What the frame of a page counts is remembered for a minute: here it is.
                get()
                with CaptureQueriesContext(connection) as captured:
                    get()
                queries.setdefault(way, set()).add(len(captured))
            times = {way: repeated(get, _PAGES, warm_up=3) for way, get in ways.items()}
            figures.append(_figure(page, size, times, quick, slow[page, min(size, PER_PAGE)]))
        require(
            all(len(counts) == 1 for counts in queries.values()), f"{page}: other queries for other sizes: {queries}"
        )
    return figures


def _ways(client: Client, page: str, account: Account, size: int) -> dict[str, Callable[[], None]]:
    """Each way to look at a page, and how to do it and see that it is what it should be."""
    url = reverse(page, args=[account.pk])
    if page not in _LISTS:
        return {"": partial(_get, client, url, None)}
    last = -(-size // PER_PAGE)
    return {
        "first page": partial(_get, client, url, min(size, PER_PAGE)),
        "last": partial(_get, client, f"{url}?page={last}", size - PER_PAGE * (last - 1)),
        "search": partial(_get, client, f"{url}?q={_ONE_NAME}", 1),
    }


def _figure(page: str, size: int, times: dict[str, Times], quick: Times, slow: Times) -> Figure:
    slowest = max(each.p95_ms for each in times.values())
    each_way = ", ".join(f"{way} {each.median_ms:.1f}".strip() for way, each in times.items())
    cpu_ms = max(each.cpu_ms for each in times.values())
    limit = _TARGETS_MS.get(size)
    return Figure(
        f"page {page}, {size:,} servers, p95",
        "ms",
        slowest,
        quick.median_ms,
        f"p50: {each_way} ms (CPU {cpu_ms:.1f}); naive with 20 ms: {slow.median_ms:,.0f} ms",
        target=at_most(limit, slowest, "ms") if limit else None,
        more={
            **{f"{way or 'page'}_{name}": value for way, each in times.items() for name, value in _parts(each).items()},
            "naive_with_20_ms": slow.median_ms,
        },
    )


def _parts(times: Times) -> dict[str, float]:
    return {"p50_ms": times.median_ms, "p95_ms": times.p95_ms, "cpu_ms": times.cpu_ms}


def accounts(owner: Membership) -> dict[int, Account]:
    """One account of each size."""
    made = {size: mirror_rows.account_with(size, owner) for size in SIZES}
    if connection.vendor == "postgresql":
        # What its autovacuum does a minute after so many new rows.
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return made


def _get(client: Client, url: str, rows: int | None) -> None:
    """Fetch the page and see that it is the whole page, with so many rows when it is a list."""
    response = client.get(url)
    require(response.status_code == 200, f"{url} answered {response.status_code}")
    shown = response.content.count(b"<tr") - 1
    require(b"</html>" in response.content, f"{url} is not a whole page")
    require(rows is None or shown == rows, f"{url} shows {shown} rows and not {rows}")
