"""Providers of a module's own: a plain one with customers, and one with a second host whose driver is watched."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import POOL, Member
from tests.processes import Process, Provider, start_provider

# A host of its own for some of the demonstration's VMs.
SECOND_HOST = """
from hosting.provider.engine import simulation
from hosting.provider.models import *
first = Host.objects.get()
second = Host.objects.create(
    name="second", cores=first.cores, memory_mb=first.memory_mb, pool_mb=first.pool_mb, state="maintenance"
)
vms = Vm.objects.filter(pk__in=[1234, 2001])
Disk.objects.filter(vm__in=vms).update(host=second)
SimulatedGuest.objects.filter(uuid__in=[simulation.specs.guest_uuid(vm.pk) for vm in vms]).update(host_id=second.pk)
vms.update(host=second)
"""


class Watched:
    """A running provider with the recording driver, and what its driver was told."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.member = Member(provider.url, "AA1234-GANDI", "mypassword")

    @contextmanager
    def script(self, **actions: Any) -> Iterator[None]:
        """Have the driver act so by type of operation while the block runs."""
        file = self.provider.directory / "script"
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(actions))
        unfinished.rename(file)
        try:
            yield
        finally:
            file.unlink()

    def events(self, operation_id: int) -> list[str]:
        """What the driver noted about an operation, in order."""
        lines = (self.provider.directory / "calls").read_text().splitlines()
        return [line.split(",")[1] for line in lines if line.split(",")[0] == str(operation_id)]

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def second_worker(self) -> Process:
        worker = self.provider.worker
        return Process(worker.arguments, worker.env, self.provider.directory / "second-worker.log")

    def log(self) -> str:
        return self.provider.worker.log.read_text()


@contextmanager
def watched_provider(directory: Path, **env: str) -> Iterator[Watched]:
    running = start_provider(directory, PROVIDER_DRIVER="tests.provider.engine.recording.RecordingDriver", **env)
    running.shell(SECOND_HOST)
    try:
        yield Watched(running)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_provider(tmp_path_factory.mktemp("watched")) as running:
        yield running


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start_provider(tmp_path_factory.mktemp("provider"))
    running.shell(POOL)
    yield running
    running.stop()


_handles = iter(f"T{number:02}-TEST" for number in range(120))


@pytest.fixture
def member(provider: Provider) -> Member:
    """A handle with ten free shares."""
    one = Member(provider.url, next(_handles))
    one.buy(10)
    return one
