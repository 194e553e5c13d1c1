"""Tests with real guests: `make test-hypervisor` runs them. They need root, and packages that it installs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hypervisor.hypervisor import Hypervisor, image, processes, running_hypervisor
from tests.hypervisor.world import World, running_world

HERE = str(Path(__file__).parent)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if str(item.path).startswith(HERE):
            # Guests boot in ten seconds, or in a minute beside others.
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def guest_image() -> Path:
    return image()


@pytest.fixture(scope="session")
def hypervisor(guest_image: Path) -> Iterator[Hypervisor]:
    """One hypervisor for all tests that do not end it."""
    with running_hypervisor() as running:
        yield running
    if not processes("tools/hypervisor inside"):  # nobody else has one here
        assert list(Path("/sys/fs/cgroup").glob("*/machine")) == []


@pytest.fixture(scope="session")
def world(hypervisor: Hypervisor, guest_image: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One provider on that host, and a customer with eight shares."""
    with running_world(tmp_path_factory.mktemp("provider"), hypervisor, guest_image) as running:
        yield running
