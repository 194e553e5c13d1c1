"""Fixtures that several kinds of tests share."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.utils import translation

from tests.processes import Provider, start_provider

pytest_plugins = ["tests.engine"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The test database is a file, so that workers in processes of their own can share it."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "panel.sqlite3")


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
