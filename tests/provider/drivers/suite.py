"""What every driver must do, as functions of a `Bench`: a driver, a host to try it on, and hands inside its guests.

`BEHAVIOURS` lists them. A test module of a driver has a fixture that makes a bench, and runs each of them with it.
"""

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

import pytest

from hosting.provider.drivers.base import (
    Again,
    CannotDo,
    DiskSpec,
    Driver,
    GuestState,
    HostRef,
    ImageRef,
    NicSpec,
    Observed,
    Usage,
    VmSpec,
    Work,
)

Verb = Callable[[Work, Callable[[], None]], Again | None]
_numbers = itertools.count(900_001)


class Bench(Protocol):
    """A driver to try, and what only the maker of its hosts can do."""

    driver: Driver
    host: HostRef
    # What system disks are made of; None for a driver without images.
    image: ImageRef | None
    # How long one operation may take.
    limit_s: float

    def nic(self, vm_id: int) -> NicSpec: ...

    def shut_down_inside(self, vm: VmSpec) -> None:
        """As the owner of a guest does who types `poweroff`."""

    def kill(self, vm: VmSpec) -> None:
        """End the guest's process."""


def free() -> None:
    """A fence that lets everything pass."""


def new_vm(bench: Bench, *, shares: int = 1) -> VmSpec:
    """A guest that nobody has made yet."""
    number = next(_numbers)
    system = DiskSpec(number, 3072, "ext3", "system", "system", position=0, image=bench.image)
    return VmSpec(
        id=number,
        uuid=uuid4(),
        hostname=f"vm{number}",
        shares=shares,
        cores=1,
        memory_mb=256 * shares,
        max_memory_mb=512,
        disks=(system,),
        nic=bench.nic(number),
        login="admin",
    )


def new_disk() -> DiskSpec:
    return DiskSpec(next(_numbers), 1024, "ext3", "data", "data")


def work(
    bench: Bench,
    kind: str,
    before: VmSpec | None = None,
    after: VmSpec | None = None,
    disk: DiskSpec | None = None,
    failure: str = "",
) -> Work:
    return Work(
        next(_numbers),
        kind,
        bench.host,
        before,
        after,
        disk,
        datetime.now(UTC),
        password="secret-pass-1",
        scripted_failure=failure,
    )


def carry_out(bench: Bench, wanted: Work, verb: Verb | None = None) -> None:
    """Call the driver as the engine does until it is done."""
    call = verb or bench.driver.carry_out
    deadline = time.monotonic() + bench.limit_s
    while again := call(wanted, free):
        assert time.monotonic() < deadline, f"{wanted.type} is not done after {bench.limit_s:g} s"
        time.sleep(min(1.0, again.after_s))


def created(bench: Bench) -> VmSpec:
    vm = new_vm(bench)
    carry_out(bench, work(bench, "vm_create", after=vm))
    return vm


def deleted(bench: Bench, vm: VmSpec) -> None:
    """Stop and delete a guest, and leave nothing of it."""
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    carry_out(bench, work(bench, "vm_delete", vm))


def seen(bench: Bench, vm: VmSpec) -> Observed | None:
    return bench.driver.observe(bench.host).get(vm.uuid)


def state(bench: Bench, vm: VmSpec) -> GuestState | None:
    guest = seen(bench, vm)
    return guest.state if guest else None


def soon(bench: Bench, vm: VmSpec, wanted: GuestState) -> None:
    deadline = time.monotonic() + bench.limit_s
    while state(bench, vm) != wanted:
        assert time.monotonic() < deadline, f"{state(bench, vm)} instead of {wanted}"
        time.sleep(0.2)


class Shown:
    """What a console of a guest tells, and hands on its keyboard."""

    def __init__(self, bench: Bench, vm: VmSpec) -> None:
        self._bench = bench
        self._changed = threading.Condition()
        self._text = b""
        self.has_ended = threading.Event()
        self.console = bench.driver.open_console(bench.host, vm, self)

    def received(self, data: bytes) -> None:
        with self._changed:
            self._text += data
            self._changed.notify_all()

    def ended(self) -> None:
        self.has_ended.set()

    def until(self, text: str, *, typing: str = "") -> str:
        """Wait until the text is shown, and return what was shown before it; type something every two seconds."""
        deadline = time.monotonic() + self._bench.limit_s
        while True:
            self.console.send(typing.encode())
            with self._changed:
                if self._changed.wait_for(lambda: text.encode() in self._text, 2):
                    before, _, self._text = self._text.partition(text.encode())
                    return before.decode()
                assert time.monotonic() < deadline, f"{text!r} is not shown: {self._text[-300:]!r}"


# The behaviours ------------------------------------------------------------------------------------------------------


def guest_runs_from_its_creation_until_it_is_stopped(bench: Bench) -> None:
    vm = created(bench)
    assert state(bench, vm) == "running"
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    assert state(bench, vm) == "halted"
    carry_out(bench, work(bench, "vm_start", vm, vm))
    assert state(bench, vm) == "running"
    deleted(bench, vm)
    assert state(bench, vm) is None


def verbs_repeat_without_doubling(bench: Bench) -> None:
    vm = new_vm(bench)
    before = len(bench.driver.observe(bench.host))
    creation = work(bench, "vm_create", after=vm)
    carry_out(bench, creation)
    carry_out(bench, creation)
    assert len(bench.driver.observe(bench.host)) == before + 1
    reboot = work(bench, "vm_reboot", vm, vm)
    for wanted, state_after in ((reboot, "running"), (work(bench, "vm_stop", vm, vm), "halted")):
        carry_out(bench, wanted)
        carry_out(bench, wanted)
        assert state(bench, vm) == state_after
    deletion = work(bench, "vm_delete", vm)
    carry_out(bench, deletion)
    carry_out(bench, deletion)
    assert len(bench.driver.observe(bench.host)) == before


def deleting_nothing_is_done(bench: Bench) -> None:
    carry_out(bench, work(bench, "vm_delete", new_vm(bench)))
    carry_out(bench, work(bench, "disk_delete", disk=new_disk()))


def start_makes_a_guest_that_its_host_does_not_know(bench: Bench) -> None:
    vm = new_vm(bench)
    carry_out(bench, work(bench, "vm_start", vm, vm))
    assert state(bench, vm) == "running"
    deleted(bench, vm)


def disks_are_attached_and_detached_once(bench: Bench) -> None:
    vm, disk = created(bench), new_disk()
    carry_out(bench, work(bench, "disk_create", disk=disk))
    there = replace(disk, position=1)
    with_disk = replace(vm, disks=(*vm.disks, there))
    attach = work(bench, "disk_attach", vm, with_disk, there)
    detach = work(bench, "disk_detach", with_disk, vm, disk)
    for wanted, ids in ((attach, {vm.disks[0].id, disk.id}), (detach, {vm.disks[0].id})):
        for _ in range(2):
            carry_out(bench, wanted)
            guest = seen(bench, vm)
            assert guest
            assert set(guest.disks) == ids
    for _ in range(2):
        carry_out(bench, work(bench, "disk_delete", disk=disk))
    deleted(bench, vm)


def memory_follows_shares(bench: Bench) -> None:
    vm = created(bench)
    larger = replace(vm, shares=2, memory_mb=512)
    carry_out(bench, work(bench, "vm_update", vm, larger))
    guest = seen(bench, vm)
    assert guest
    assert guest.memory_mb == 512
    deleted(bench, larger)


def made_anew(vm: VmSpec) -> VmSpec:
    """The guest as a new installation leaves it."""
    disks = (replace(disk, generation=disk.generation + 1, made=False) for disk in vm.disks if disk.position == 0)
    return replace(vm, disks=(*disks, *(disk for disk in vm.disks if disk.position != 0)))


def new_installation_keeps_the_guest_and_its_disks_and_leaves_it_off(bench: Bench) -> None:
    vm, disk = created(bench), replace(new_disk(), position=1)
    carry_out(bench, work(bench, "disk_create", disk=replace(disk, position=None)))
    whole = replace(vm, disks=(*vm.disks, disk))
    carry_out(bench, work(bench, "disk_attach", vm, whole, disk))
    carry_out(bench, work(bench, "vm_stop", whole, whole))
    anew = made_anew(whole)
    reinstall = work(bench, "sharedeck.vm_reinstall", whole, anew)
    for _ in range(2):
        carry_out(bench, reinstall)
        assert state(bench, vm) == "halted"
    carry_out(bench, work(bench, "vm_start", anew, anew))
    guest = seen(bench, vm)
    assert guest
    assert (guest.state, set(guest.disks)) == ("running", {vm.disks[0].id, disk.id})
    deleted(bench, anew)
    carry_out(bench, work(bench, "disk_delete", disk=replace(disk, position=None)))


def clean_up_undoes_a_new_installation_that_has_not_begun(bench: Bench) -> None:
    vm = created(bench)
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    doomed = work(bench, "sharedeck.vm_reinstall", vm, made_anew(vm), failure="It fails as the script says.")
    with pytest.raises(CannotDo, match="as the script says"):
        carry_out(bench, doomed)
    for _ in range(2):
        carry_out(bench, doomed, bench.driver.clean_up)
    carry_out(bench, work(bench, "vm_start", vm, vm))
    assert state(bench, vm) == "running"
    deleted(bench, vm)


def new_installation_is_finished_or_undone_wherever_it_is_interrupted(bench: Bench) -> None:
    class InterruptedAtError(Exception):
        pass

    vm, changes, is_interrupted = created(bench), 0, True
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    while is_interrupted:
        for verb in (bench.driver.carry_out, bench.driver.clean_up):
            anew, left = made_anew(vm), itertools.count(changes, -1)
            reinstall = work(bench, "sharedeck.vm_reinstall", vm, anew)

            def interrupted(wanted: Work, _: Callable[[], None], left: "itertools.count[int]" = left) -> Again | None:
                def fence() -> None:
                    if not next(left):
                        raise InterruptedAtError

                return bench.driver.carry_out(wanted, fence)

            is_interrupted = False
            try:
                carry_out(bench, reinstall, interrupted)
            except InterruptedAtError:
                is_interrupted = True
            carry_out(bench, reinstall, verb)
            # What has been finished is not undone.
            if verb == bench.driver.carry_out or not is_interrupted:
                vm = anew
        changes += 1
    carry_out(bench, work(bench, "vm_start", vm, vm))
    assert state(bench, vm) == "running"
    deleted(bench, vm)


def new_name_changes_nothing_else(bench: Bench) -> None:
    vm = created(bench)
    renamed = replace(vm, hostname=f"new-{vm.hostname}")
    rename = work(bench, "sharedeck.vm_rename", vm, renamed)
    for verb in (None, None, bench.driver.clean_up):
        carry_out(bench, rename, verb)
        guest = seen(bench, vm)
        assert guest
        assert (guest.state, set(guest.disks)) == ("running", {vm.disks[0].id})
    deleted(bench, vm)


def scripted_failure_is_an_answer_and_creation_leaves_nothing(bench: Bench) -> None:
    vm = new_vm(bench)
    doomed = work(bench, "vm_create", after=vm, failure="It fails as the script says.")
    with pytest.raises(CannotDo, match="as the script says"):
        carry_out(bench, doomed)
    for _ in range(2):
        carry_out(bench, doomed, bench.driver.clean_up)
    assert state(bench, vm) is None


def clean_up_undoes_a_creation_after_each_of_its_steps(bench: Bench) -> None:
    """The work may end after any call; the last round of this loop is a creation that was carried out to its end."""
    steps_taken, done = 0, False
    while not done:
        vm = new_vm(bench)
        creation = work(bench, "vm_create", after=vm)
        for _ in range(steps_taken):
            again = bench.driver.carry_out(creation, free)
            done = again is None
            if again:
                time.sleep(min(1.0, again.after_s))
        carry_out(bench, creation, bench.driver.clean_up)
        assert state(bench, vm) is None
        # A boot is one long wait: its first calls show what there is to show.
        steps_taken += 1
        done = done or steps_taken > 4


def clean_up_gives_a_guest_back_what_it_had(bench: Bench) -> None:
    vm = created(bench)
    larger = replace(vm, shares=2, memory_mb=512)
    growth = work(bench, "vm_update", vm, larger)
    carry_out(bench, growth)
    carry_out(bench, growth, bench.driver.clean_up)
    guest = seen(bench, vm)
    assert guest
    assert (guest.state, guest.memory_mb) == ("running", 256)
    deleted(bench, vm)


def lost_lease_stops_before_the_first_change(bench: Bench) -> None:
    class LostError(Exception):
        pass

    def lost() -> None:
        raise LostError

    vm = new_vm(bench)
    with pytest.raises(LostError):
        carry_out(bench, work(bench, "vm_create", after=vm), lambda wanted, _: bench.driver.carry_out(wanted, lost))
    assert state(bench, vm) is None


def guest_that_ends_by_itself_is_seen_and_can_be_started_again(bench: Bench) -> None:
    vm = created(bench)
    bench.kill(vm)
    soon(bench, vm, "crashed")
    bench.driver.power(bench.host, vm.uuid, "running")
    soon(bench, vm, "running")
    bench.shut_down_inside(vm)
    soon(bench, vm, "halted")
    deleted(bench, vm)


def paused_guest_stands_still_until_it_is_resumed(bench: Bench) -> None:
    vm = created(bench)
    for to in ("paused", "paused", "running", "running"):
        bench.driver.power(bench.host, vm.uuid, "paused" if to == "paused" else "running")
        assert state(bench, vm) == to
    deleted(bench, vm)


def console_shows_what_is_typed_and_closes_for_good(bench: Bench) -> None:
    vm = created(bench)
    first = Shown(bench, vm)
    # A guest that had booted before shows its prompt to who asks for it.
    first.until("login: ", typing="\r")
    second = Shown(bench, vm)
    assert first.has_ended.wait(bench.limit_s), "a guest has two consoles"
    first.console.send(b"lost\r")
    first.console.close()
    second.until("login: ", typing="\r")
    for shown, typed in (("Password: ", "root\r"), ("# ", "secret-pass-1\r"), (f"\r\n{vm.hostname}\r\n", "hostname\r")):
        second.console.send(typed.encode())
        second.until(shown)
    for _ in range(2):
        second.console.close()
    second.console.send(b"lost too\r")
    assert not second.has_ended.is_set()
    # The guest goes on.
    third = Shown(bench, vm)
    third.console.close()
    deleted(bench, vm)


def console_ends_with_its_guest(bench: Bench) -> None:
    vm = new_vm(bench)
    with pytest.raises(CannotDo):
        Shown(bench, vm)
    carry_out(bench, work(bench, "vm_create", after=vm))
    shown = Shown(bench, vm)
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    assert shown.has_ended.wait(bench.limit_s)
    shown.console.send(b"lost\r")
    shown.console.close()
    with pytest.raises(CannotDo):
        Shown(bench, vm)
    deleted(bench, vm)


def capacity_and_file_systems_are_known(bench: Bench) -> None:
    has = bench.driver.capacity(bench.host)
    assert min(has.cores, has.memory_mb, has.pool_mb) > 0
    assert "ext3" in bench.driver.file_systems(bench.host)


def counters_grow_while_a_guest_runs_and_are_zero_while_it_does_not(bench: Bench) -> None:
    vm = created(bench)
    first = bench.driver.usage(bench.host)[vm.uuid]
    assert first.cpu_ns > 0
    assert 0 < first.memory_mb <= vm.memory_mb
    deadline = time.monotonic() + bench.limit_s
    while (later := bench.driver.usage(bench.host)[vm.uuid]).cpu_ns == first.cpu_ns:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    for counter in ("cpu_ns", "disk_read", "disk_written", "net_in", "net_out"):
        assert getattr(later, counter) >= getattr(first, counter), counter
    assert later.disk_read > 0
    carry_out(bench, work(bench, "vm_stop", vm, vm))
    assert bench.driver.usage(bench.host)[vm.uuid] == Usage()
    deleted(bench, vm)
    assert vm.uuid not in bench.driver.usage(bench.host)


BEHAVIOURS: tuple[Callable[[Bench], None], ...] = (
    guest_runs_from_its_creation_until_it_is_stopped,
    verbs_repeat_without_doubling,
    deleting_nothing_is_done,
    start_makes_a_guest_that_its_host_does_not_know,
    disks_are_attached_and_detached_once,
    memory_follows_shares,
    new_installation_keeps_the_guest_and_its_disks_and_leaves_it_off,
    clean_up_undoes_a_new_installation_that_has_not_begun,
    new_installation_is_finished_or_undone_wherever_it_is_interrupted,
    new_name_changes_nothing_else,
    scripted_failure_is_an_answer_and_creation_leaves_nothing,
    clean_up_undoes_a_creation_after_each_of_its_steps,
    clean_up_gives_a_guest_back_what_it_had,
    lost_lease_stops_before_the_first_change,
    guest_that_ends_by_itself_is_seen_and_can_be_started_again,
    paused_guest_stands_still_until_it_is_resumed,
    console_shows_what_is_typed_and_closes_for_good,
    console_ends_with_its_guest,
    capacity_and_file_systems_are_known,
    counters_grow_while_a_guest_runs_and_are_zero_while_it_does_not,
)
