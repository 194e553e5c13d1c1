"""What the guests of a host use is told at once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
