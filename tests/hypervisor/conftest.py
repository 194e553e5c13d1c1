"""Tests with real guests: `make test-hypervisor` runs them. They need root, and packages that it installs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hypervisor.hypervisor import Hypervisor, image, processes, running_hypervisor
from tests.hypervisor.world import World, running_world

HERE = Path(__file__).parent
# What takes longest begins first, so that all processes end at about the same time.
FIRST = ("test_driver", "test_kills", "test_power", "test_life", "test_away", "test_in_a_browser", "test_disks")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return FIRST.index(item.path.stem) if item.path.stem in FIRST else len(FIRST)

    here = [item for item in items if item.path.parent == HERE]
    for item in here:
        # Guests boot in ten seconds, or in a minute beside others.
        item.add_marker(pytest.mark.timeout(900))
    if len(here) == len(items):
        items.sort(key=place)


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
