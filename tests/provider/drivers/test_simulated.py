"""The simulated driver: what every driver does, and durations that are believable, repeatable and resumable."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import pytest

from hosting.provider.drivers import pace
from hosting.provider.drivers.base import (
    Again,
    CannotDo,
    Driver,
    GuestState,
    HostAway,
    HostRef,
    ImageRef,
    NicSpec,
    Observed,
    VmSpec,
    Work,
)
from hosting.provider.drivers.pace import DURATIONS
from hosting.provider.drivers.simulated import SimulatedDriver
from hosting.provider.drivers.simulated_console import LOOK_EVERY_S
from tests.processes import Provider
from tests.provider.drivers.suite import BEHAVIOURS, Bench, Shown, created, free

HOST = HostRef(1, "simulated")


class Memory:
    """Guests that live as long as the test."""

    def __init__(self) -> None:
        self.hosts: dict[int, dict[UUID, Observed]] = {}

    def of(self, host_id: int) -> MappingProxyType[UUID, Observed]:
        return MappingProxyType(self.hosts.setdefault(host_id, {}))

    def get(self, host_id: int, uuid: UUID) -> Observed | None:
        return self.of(host_id).get(uuid)

    def states(self, uuids: Sequence[UUID]) -> dict[UUID, GuestState]:
        guests = {uuid: guest for host in self.hosts.values() for uuid, guest in host.items()}
        return {uuid: guests[uuid].state for uuid in uuids if uuid in guests}

    def put(self, host_id: int, uuid: UUID, guest: Observed) -> None:
        self.hosts.setdefault(host_id, {})[uuid] = guest

    def remove(self, host_id: int, uuid: UUID) -> None:
        self.hosts.setdefault(host_id, {}).pop(uuid, None)


class SimulatedBench:
    """A simulated host whose guests are written to as their owners and accidents would."""

    driver: Driver
    host = HOST
    image: ImageRef | None = None
    limit_s = 5.0

    def __init__(self) -> None:
        self.memory = Memory()
        self.driver = SimulatedDriver(0.001, self.memory)

    def nic(self, vm_id: int) -> NicSpec:
        return NicSpec("52:54:00:00:00:01", "10.0.0.2", "2001:db8::2", 8, 32, "10.0.0.1", "2001:db8::1")

    def shut_down_inside(self, vm: VmSpec) -> None:
        self.memory.put(HOST.id, vm.uuid, Observed("halted", vm.memory_mb))

    def kill(self, vm: VmSpec) -> None:
        self.memory.put(HOST.id, vm.uuid, Observed("crashed", vm.memory_mb))


@pytest.mark.parametrize("behaviour", BEHAVIOURS, ids=lambda behaviour: behaviour.__name__)
def test_does_what_every_driver_does(behaviour: Callable[[Bench], None]) -> None:
    behaviour(SimulatedBench())


IN_THE_PROVIDER = """
from hosting.provider.drivers.simulated_guests import GuestTable
from tests.provider.drivers.suite import BEHAVIOURS
from tests.provider.drivers.test_simulated import SimulatedBench
from hosting.provider.drivers.simulated import SimulatedDriver
for behaviour in BEHAVIOURS:
    bench = SimulatedBench()
    # A host that no row knows: nobody else looks at its guests.
    bench.memory, bench.host = GuestTable(), type(bench.host)(77, "apart")
    bench.driver = SimulatedDriver(0.001, bench.memory)
    bench.kill = lambda vm: SimulatedGuest.objects.filter(uuid=vm.uuid).update(state="crashed")
    bench.shut_down_inside = lambda vm: SimulatedGuest.objects.filter(uuid=vm.uuid).update(state="halted")
    behaviour(bench)
    print(behaviour.__name__)
"""


def test_does_so_with_its_memory_in_the_database(provider: Provider) -> None:
    printed = provider.shell("from hosting.provider.models import *\n" + IN_THE_PROVIDER)
    assert printed.splitlines() == [behaviour.__name__ for behaviour in BEHAVIOURS]


def work(kind: str = "vm_create", number: int = 7, failure: str = "", ago_s: float = 0, uri: str = "") -> Work:
    began = datetime.now(UTC) - timedelta(seconds=ago_s)
    host = HostRef(1, "simulated", uri)
    return Work(number, kind, host, None, None, None, began, password="hunter2", scripted_failure=failure)


def driver(speed: float = 1.0) -> SimulatedDriver:
    return SimulatedDriver(speed, Memory())


def test_durations_have_a_jitter_that_is_the_same_every_time() -> None:
    durations = [pace.duration_s(number, 90.0) for number in range(200)]
    assert durations == [pace.duration_s(number, 90.0) for number in range(200)]
    assert len(set(durations)) > 150
    assert all(0.75 * 90 <= s <= 1.25 * 90 for s in durations)


def test_speed_multiplies_and_zero_is_at_once() -> None:
    assert driver(0.5).estimate_s("vm_create") == DURATIONS["vm_create"] / 2
    assert driver(0).carry_out(work(), free) is None


def test_another_process_needs_only_the_moment_it_was_begun() -> None:
    again = driver().carry_out(work(), free)
    assert isinstance(again, Again)
    assert 60 < again.eta_s < 120
    # It is asked again when it is done, and not before.
    assert again.after_s == again.eta_s
    assert driver().carry_out(work(ago_s=200), free) is None


def test_a_scripted_failure_shows_half_way() -> None:
    assert pace.duration_s(7, 90.0, fails=True) == pace.duration_s(7, 90.0) / 2
    with pytest.raises(CannotDo, match="scripted"):
        driver().carry_out(work(failure="scripted", ago_s=60), free)


@pytest.mark.parametrize("uri", ["simulated:away", "qemu:///system"], ids=["by its switch", "as a real one"])
def test_a_host_is_away_when_its_address_says_so(uri: str) -> None:
    silent = work(uri=uri)
    with pytest.raises(HostAway):
        driver().carry_out(silent, free)
    with pytest.raises(HostAway):
        driver().observe(silent.host)
    with pytest.raises(HostAway):
        driver().usage(silent.host)


def test_a_password_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(work())


def test_paused_guest_answers_nobody_at_its_console() -> None:
    bench = SimulatedBench()
    vm = created(bench)
    shown = Shown(bench, vm)
    shown.until("login: ")
    bench.driver.power(bench.host, vm.uuid, "paused")
    time.sleep(2 * LOOK_EVERY_S)
    shown.console.send(b"root\r")
    bench.driver.power(bench.host, vm.uuid, "running")
    time.sleep(2 * LOOK_EVERY_S)
    shown.console.send(b"\r")
    # Nothing but that Enter was heard: there is no question for a password.
    assert shown.until("login: ") == f"\r\n\r\n{vm.hostname} "
