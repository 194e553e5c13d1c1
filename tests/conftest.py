"""Fixtures that several kinds of tests share."""

from collections.abc import Iterator

import pytest

from tests.processes import Provider, start_provider


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One provider for the whole run. It has the demonstration in it; tests that change it use handles of their own."""
    running = start_provider(tmp_path_factory.mktemp("provider"))
    yield running
    running.stop()
