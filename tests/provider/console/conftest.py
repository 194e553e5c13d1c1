"""A provider with the process that serves consoles, and customers with VMs."""

from collections.abc import Iterator

import pytest

from tests.contract.conftest import POOL, Member
from tests.processes import Process, Provider, start_provider

DRIVER = "tests.provider.console.flooding.FloodingDriver"


@pytest.fixture(scope="package")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One for all tests of consoles."""
    running = start_provider(tmp_path_factory.mktemp("provider"), PROVIDER_DRIVER=DRIVER)
    running.shell(POOL)
    yield running
    running.stop()


@pytest.fixture(scope="package")
def console(provider: Provider) -> Iterator[Process]:
    process = provider.start_console()
    yield process
    process.stop()


@pytest.fixture(scope="package")
def handles(provider: Provider) -> Iterator[str]:
    return iter([f"T{number:02}-TEST" for number in range(120)])


@pytest.fixture
def owner(provider: Provider, console: Process, handles: Iterator[str]) -> Member:
    """A customer with four shares."""
    member = Member(provider.url, next(handles))
    member.buy(4)
    return member


@pytest.fixture
def vm(owner: Member) -> int:
    return owner.new_vm()
