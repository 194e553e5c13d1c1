from collections.abc import Iterator

import pytest

from tests.console.panel import Panel
from tests.processes import Provider, start_provider

DRIVER = "tests.provider.console.flooding.FloodingDriver"


@pytest.fixture(scope="package")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider of its own, whose guests print as much as they are told to."""
    running = start_provider(tmp_path_factory.mktemp("provider"), PROVIDER_DRIVER=DRIVER)
    console = running.start_console()
    yield running
    console.kill()
    running.stop()


@pytest.fixture(scope="package")
def panel(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Panel]:
    running = Panel(tmp_path_factory.mktemp("panel"), provider, {"CONSOLE_IDLE_S": "6", "LEASE_S": "3"})
    yield running
    running.stop()
