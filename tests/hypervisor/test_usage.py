"""What the guests of a host use is told at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hosting.provider.drivers.base import Usage
from tests.hypervisor.bench import LibvirtBench
from tests.hypervisor.hypervisor import Hypervisor
from tests.provider.drivers.suite import new_vm

MANY = 100


@contextmanager
def defined(bench: LibvirtBench, count: int) -> Iterator[None]:
    """So many guests that their host knows, and that do not run."""
    from hosting.provider.drivers.libvirt import domain_xml, network
    from hosting.provider.drivers.libvirt.connection import answering

    with answering(bench.host) as connected:
        network.ensure_filter(connected)
        guests = [connected.defineXML(domain_xml.domain(bench.host, new_vm(bench))) for _ in range(count)]
        try:
            yield
        finally:
            for guest in guests:
                guest.undefine()


def test_a_hundred_guests_are_asked_within_a_second(hypervisor: Hypervisor, guest_image: Path) -> None:
    bench = LibvirtBench(hypervisor, guest_image)
    with defined(bench, MANY):
        bench.driver.usage(bench.host)
        began = time.monotonic()
        found = bench.driver.usage(bench.host)
        took = time.monotonic() - began
        assert set(found.values()) == {Usage()}
        assert len(found) == MANY
        assert took < 1


RUNNING = 1
STATS = {
    "state.state": RUNNING, "cpu.time": 5_000_000_000, "balloon.current": 262_144,
    "block.count": 2, "block.0.rd.bytes": 1_000, "block.0.wr.bytes": 2_000, "block.1.rd.bytes": 10,
    "block.1.wr.bytes": 0, "net.count": 1, "net.0.rx.bytes": 300, "net.0.tx.bytes": 400,
}  # fmt: skip


def test_disks_are_added_up_and_memory_is_what_the_guest_says() -> None:
    from hosting.provider.drivers.libvirt.usage import usage_of

    assert usage_of(STATS) == Usage(5_000_000_000, 256, 1_010, 2_000, 300, 400)
    told = usage_of({**STATS, "balloon.available": 240_000, "balloon.usable": 137_600})
    assert told
    assert told.memory_mb == 100


@pytest.mark.parametrize("missing", ["cpu.time", "block.1.rd.bytes", "net.count", "balloon.current"])
def test_guest_that_is_busy_with_something_else_is_left_out(missing: str) -> None:
    """Zeros would look as if it had been started anew."""
    from hosting.provider.drivers.libvirt.usage import usage_of

    assert usage_of({name: value for name, value in STATS.items() if name != missing}) is None
    assert usage_of({"state.state": 5}) == Usage()
