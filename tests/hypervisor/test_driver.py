"""The libvirt driver does what every driver does."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hypervisor.bench import LibvirtBench
from tests.hypervisor.hypervisor import Hypervisor
from tests.provider.drivers.suite import BEHAVIOURS, Bench


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def test_does_what_every_driver_does(
    behaviour: Callable[[Bench], None], hypervisor: Hypervisor, guest_image: Path
) -> None:
    behaviour(LibvirtBench(hypervisor, guest_image))
    assert hypervisor.guests() == []
    assert hypervisor.files() == set()
