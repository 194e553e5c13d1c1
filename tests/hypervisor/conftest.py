"""Tests with real guests: `make test-hypervisor` runs them. They need root, and packages that it installs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hypervisor.hypervisor import Hypervisor, image, running_hypervisor
from tests.hypervisor.world import World, running_world

HERE = str(Path(__file__).parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(HERE):
            # Guests boot in ten seconds, or in a minute beside others.
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def guest_image() -> Path:
    if os.environ.get("HYPERVISOR") == "0":
        pytest.skip("HYPERVISOR=0: no guests are started")
    return image()


@pytest.fixture(scope="session")
def hypervisor(guest_image: Path) -> Iterator[Hypervisor]:
    """One hypervisor for all tests that do not end it."""
    with running_hypervisor() as running:
        yield running


@pytest.fixture(scope="session")
def world(hypervisor: Hypervisor, guest_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One provider on that host, and a customer with eight shares."""
    with running_world(tmp_path_factory.mktemp("provider"), hypervisor, guest_image) as running:
        yield running
