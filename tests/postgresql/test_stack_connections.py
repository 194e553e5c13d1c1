"""How many connections the whole product opens and keeps: processes share few, and jobs open none of their own."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
import pytest

from tests.chaos.browser import Browser
from tests.stack import Stack, start_stack

# The sweep alone is two jobs a second.
WATCHED_S = 20
# Who visits pages at the same moment.
PEOPLE = 8
# Of the panel: one for each of them and for each job of the two workers, and the listener's. Of the provider: one for
# each job that asks it something.
AT_MOST = {"DATABASE_URL": PEOPLE + 8 + 12 + 2, "PROVIDER_DATABASE_URL": 16}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    running = start_stack(tmp_path_factory.mktemp("stack"))
    yield running
    running.stop()


def ask(stack: Stack, name: str, query: str) -> int:
    """A number, from the database at an address of the stack."""
    with psycopg.connect(stack.addresses[name], autocommit=True) as connection:
        (number,) = connection.execute(query).fetchone() or (0,)
        return int(number)


def opened(stack: Stack, name: str) -> int:
    """The connections to the database that were ever opened, these looks included."""
    return ask(stack, name, "SELECT sessions FROM pg_stat_database WHERE datname = current_database()")


def present(stack: Stack, name: str) -> int:
    return ask(stack, name, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") - 1


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Browser:
    browser = Browser(stack.url)
    browser.sign_in(stack.email, stack.password)
    return browser


def visit(browser: Browser, people: int, pages: int) -> Future[None]:
    """Open the dashboard so many times, as so many people at once."""

    def open_all() -> None:
        with ThreadPoolExecutor(people) as threads:
            list(threads.map(browser.open, ["/"] * pages))

    return ThreadPoolExecutor(1).submit(open_all)


@pytest.mark.processes
def test_jobs_and_pages_open_no_connection_of_their_own(stack: Stack, browser: Browser) -> None:
    visit(browser, PEOPLE, 24).result()
    # The counters are written with a delay of up to a second.
    time.sleep(2)
    before = {name: opened(stack, name) for name in AT_MOST}
    time.sleep(WATCHED_S)
    browser.open("/")
    time.sleep(2)
    news = {name: opened(stack, name) - before[name] for name in AT_MOST}
    print(f"opened in {WATCHED_S} s: {news}")
    # One is that of the second look; a process that was idle may need another.
    assert max(news.values()) <= 6, news


@pytest.mark.processes
def test_connections_stay_few_while_many_people_ask(stack: Stack, browser: Browser) -> None:
    most = dict.fromkeys(AT_MOST, 0)
    visits = visit(browser, PEOPLE, 80)
    while not visits.done():
        most = {name: max(number, present(stack, name)) for name, number in most.items()}
    visits.result()
    print(f"at most: {most}")
    assert all(most[name] <= limit for name, limit in AT_MOST.items()), most
