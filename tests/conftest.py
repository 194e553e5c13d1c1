"""Fixtures that several kinds of tests share."""

import gc
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from django.conf import settings
from django.utils import translation
from environ import Env
from xdist.scheduler import LoadScopeScheduling

from tests import databases
from tests.postgresql import lock_order
from tests.processes import Provider, start_provider

pytest_plugins = ["tests.engine"]

# What starts the whole product gets the marker `stack`: `make test-stack` runs it.
_WITH_STACK = (
    "tests/browser/",
    "tests/chaos/",
    "tests/test_run.py",
    "tests/redis_connections/test_outages.py",
    "tests/test_workers.py",
)
# What waits longest begins first, so that the rest fills its pauses.
_FIRST = (*_WITH_STACK, "tests/provider/engine/", "tests/operations/", "tests/contract/")
# What needs a browser or a server beside the test process gets the marker `processes`: `make check` leaves it out.
_WITH_PROCESSES = (
    *_WITH_STACK,
    "tests/console/test_process.py",
    "tests/contract/",
    "tests/provider/engine/",
    "tests/provider/test_migrations.py",
    "tests/safekeeping/test_files.py",
    "tests/security/test_forwarded_headers.py",
    "tests/security/test_logs.py",
    "tests/security/test_slow_clients.py",
)
_PROCESS_FIXTURES = {"provider", "stack", "chromium", "world"}


class SideBySide(LoadScopeScheduling):  # type: ignore[misc]
    """Of several processes (`-n`), one runs all tests of a file, and one all that share a running panel."""

    def _split_scope(self, nodeid: str) -> str:
        file = PurePosixPath(nodeid.partition("::")[0])
        return str(file.parent if "browser" in file.parts else file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide:
    return SideBySide(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((number for number, start in enumerate(_FIRST) if item.nodeid.startswith(start)), len(_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Leave thousands of collected tests out of later garbage collections."""
    gc.collect()
    gc.freeze()


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.nodeid.startswith(_WITH_STACK):
        item.add_marker("stack")
    fixtures = set(getattr(item, "fixturenames", ()))
    if item.nodeid.startswith(_WITH_PROCESSES) or fixtures & _PROCESS_FIXTURES:
        item.add_marker("processes")
        if item.get_closest_marker("timeout") is None:
            # The first one of a file waits for its processes, which start beside other tests.
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The test database is a copy of one that is migrated once, and worker processes can share it."""
    copy = Env.db_url_config(databases.panel(tmp_path_factory.mktemp("database")))
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = copy["NAME"]


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Migrations find nothing to do in a copy, and what holds it goes away with the run."""
    return True


@pytest.fixture(scope="session", autouse=True)
def quick_cleanup() -> None:
    databases.clean_quickly()


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One provider for the whole run, with the demonstration in it. Who writes uses handles of its own."""
    running = start_provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """A page that was asked for in another language leaves that active in its thread."""
    with translation.override("en"):
        yield


@pytest.fixture(autouse=True)
def locked(request: pytest.FixtureRequest) -> Iterator[set[lock_order.Locked]]:
    """On PostgreSQL, whatever a test commits has locked rows in one order."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (marker is not None and marker.kwargs.get("transaction"))
    if not (databases.on_postgresql() and commits):
        yield set()
        return
    request.getfixturevalue("transactional_db")
    with lock_order.recorded() as found:
        yield found
    assert not lock_order.violations(found)
