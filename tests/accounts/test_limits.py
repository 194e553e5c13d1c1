"""Rate limits: no login exceeds the limit of the API, and calls of members have priority."""

import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from pytest_django.fixtures import Settings

from hosting.accounts import store
from hosting.accounts.limits import NoAllowanceError, Priority, take

LIMIT = 20
WINDOW_S = 2.0


@pytest.fixture(autouse=True)
def few_calls(settings: Settings) -> None:
    settings.API_RATE_LIMIT = LIMIT
    store.connection().flushdb()


class Import(threading.Thread):
    """Background calls, as many as it gets, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.at: list[float] = []
        self.is_over = False

    def run(self) -> None:
        while not self.is_over:
            take("login", Priority.MIRROR, wait_s=10)
            self.at.append(time.monotonic())


@pytest.fixture
def running_import() -> Iterator[Import]:
    running = Import()
    running.start()
    yield running
    running.is_over = True
    running.join()


def most_in_a_window(at: list[float]) -> int:
    # The moments were noted a little after the calls were counted.
    return max(sum(start <= moment < start + WINDOW_S - 0.15 for moment in at) for start in at)


def test_members_can_use_the_whole_window_at_once() -> None:
    for _ in range(LIMIT):
        take("login", Priority.MEMBER, wait_s=0)
    with pytest.raises(NoAllowanceError):
        take("login", Priority.MEMBER, wait_s=0.1)


def test_each_login_has_its_own_window() -> None:
    for _ in range(LIMIT):
        take("login", Priority.MEMBER, wait_s=0)
    take("another", Priority.MEMBER, wait_s=0)


def test_no_window_holds_more_calls_than_allowed(running_import: Import) -> None:
    at = []
    for _ in range(LIMIT):
        take("login", Priority.MEMBER)
        at.append(time.monotonic())
        time.sleep(0.05)
    time.sleep(WINDOW_S)
    assert LIMIT // 2 < most_in_a_window([*running_import.at, *at]) <= LIMIT


def test_background_calls_are_spread_over_the_window(running_import: Import) -> None:
    time.sleep(2 * WINDOW_S)
    settled = [moment for moment in running_import.at if moment > running_import.at[0] + WINDOW_S]
    assert max(later - earlier for earlier, later in pairwise(settled)) < WINDOW_S / 2


def test_members_have_priority_over_an_import(running_import: Import) -> None:
    time.sleep(WINDOW_S)
    for _ in range(5):
        take("login", Priority.MEMBER, wait_s=1)


def test_tracking_has_priority_over_an_import(running_import: Import) -> None:
    time.sleep(WINDOW_S)
    for _ in range(3):
        take("login", Priority.TRACKING, wait_s=1)
