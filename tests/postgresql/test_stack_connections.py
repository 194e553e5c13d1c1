"""How many connections the whole product opens and keeps: processes share few, and jobs open none of their own."""

import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.stack import Stack, start_stack

# The sweep alone is two jobs a second.
WATCHED_S = 20
# Web processes with one request at a time, two workers, the listener; the provider's web processes and its worker.
AT_MOST = {"DATABASE_URL": 24, "PROVIDER_DATABASE_URL": 16}


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


def visit(stack: Stack) -> int:
    with urllib.request.urlopen(f"{stack.url}/auth/login/", timeout=60) as page:
        return int(page.status)


@pytest.mark.processes
def test_jobs_and_pages_open_no_connection_of_their_own(stack: Stack) -> None:
    with ThreadPoolExecutor(12) as people:
        assert set(people.map(lambda _: visit(stack), range(48))) == {200}
    # The counters are written with a delay of up to a second.
    time.sleep(2)
    before = {name: opened(stack, name) for name in AT_MOST}
    time.sleep(WATCHED_S)
    assert visit(stack) == 200
    time.sleep(2)
    news = {name: opened(stack, name) - before[name] for name in AT_MOST}
    print(f"opened in {WATCHED_S} s: {news}")
    # One is that of the second look; a process that was idle may need another.
    assert max(news.values()) <= 6, news


@pytest.mark.processes
def test_connections_stay_few_while_many_people_ask(stack: Stack) -> None:
    most = dict.fromkeys(AT_MOST, 0)
    with ThreadPoolExecutor(24) as people:
        pages = [people.submit(visit, stack) for _ in range(200)]
        while not all(page.done() for page in pages):
            most = {name: max(number, present(stack, name)) for name, number in most.items()}
    assert {page.result() for page in pages} == {200}
    print(f"at most: {most}")
    assert all(most[name] <= limit for name, limit in AT_MOST.items()), most
