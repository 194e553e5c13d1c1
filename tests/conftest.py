"""Fixtures that several kinds of tests share."""

from collections.abc import Iterator

import pytest

from tests.processes import Provider, start_provider

pytest_plugins = ["tests.engine"]


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One provider for the whole run, with the demonstration in it. Who writes uses handles of its own."""
    running = start_provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.stop()
