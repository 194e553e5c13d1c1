"""What operations do, in which order, and how they are found and cancelled."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider, start_provider


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider whose work takes its time: a stop about 0.45 s, the creation of a VM 2.7 s."""
    running = start_provider(tmp_path_factory.mktemp("slow"), PROVIDER_SPEED="0.03")
    yield running
    running.stop()


@pytest.fixture
def patient(slow: Provider) -> Member:
    return Member(slow.url, "AA1234-GANDI", "mypassword")


def test_the_life_of_a_vm(owner: Member) -> None:
    vm_id = owner.vm_create("web1.example", "my_password", 111, 2, 1, {"login": "gandi"})
    found = owner.operation_list({"type": "vm_create", "param": {"hostname": "web1.example"}})
    details = owner.done(found[0])
    assert details["vm_id"] == vm_id
    assert details["params"] == {
        "vm_id": vm_id,
        "hostname": "web1.example",
        "os_id": 111,
        "shares": 2,
        "cpu": 1,
        "login": "gandi",
    }
    vm = owner.vm_info(vm_id)
    assert (vm["state"], vm["shares"], vm["cores"], vm["memory"], vm["vm_max_memory"]) == (
        "running",
        2,
        1,
        512,
        1024,
    )
    assert vm["disks"][0]["type"] == "system"
    assert vm["disks"][0]["is_boot_disk"]
    for method, state in (("vm_stop", "halted"), ("vm_start", "running"), ("vm_reboot", "running")):
        owner.done(getattr(owner, method)(vm_id))
        assert owner.vm_info(vm_id)["state"] == state
    owner.done(owner.vm_update(vm_id, {"shares": 3, "cpu": 2}))
    vm = owner.vm_info(vm_id)
    assert (vm["shares"], vm["cores"], vm["memory"]) == (3, 2, 768)
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.vm_update(vm_id, {"vm_max_memory": 4096}))
    assert owner.vm_info(vm_id)["vm_max_memory"] == 4096
    owner.done(owner.vm_delete(vm_id))
    assert owner.vm_list() == []
    assert owner.disk_list() == []
    assert owner.vm_info(vm_id)["state"] == "deleted"
    assert owner.code("vm_start", vm_id) == 580160
    assert owner.resources("used")["shares"] == 0


def test_the_life_of_a_disk(owner: Member) -> None:
    vm_id = owner.new_vm()
    disk_id = owner.new_disk()
    assert owner.disk_info(disk_id)["state"] == "created"
    owner.done(owner.disk_attach(disk_id, vm_id))
    disk = owner.disk_info(disk_id)
    assert (disk["state"], disk["vms_id"]) == ("attached", [vm_id])
    assert owner.vm_disk_link(vm_id, disk_id)["device"] == "/dev/xvdb"
    owner.done(owner.disk_detach(disk_id, vm_id))
    assert owner.disk_info(disk_id)["vms_id"] == []
    owner.done(owner.disk_delete(disk_id))
    assert disk_id not in owner.disk_list()


def test_a_system_disk_leaves_a_halted_vm_and_the_vm_does_not_boot_without_it(owner: Member) -> None:
    vm_id = owner.new_vm()
    system = owner.vm_disk_list(vm_id)[0]
    assert owner.code("disk_detach", system, vm_id) == 580260
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.disk_detach(system, vm_id))
    assert owner.code("vm_start", vm_id) == 580160
    owner.done(owner.disk_attach(system, vm_id))
    assert owner.vm_disk_link(vm_id, system)["is_boot_disk"]
    owner.done(owner.vm_start(vm_id))


def test_deleting_a_vm_keeps_its_data_disks(owner: Member) -> None:
    vm_id, disk_id = owner.new_vm(), owner.new_disk()
    owner.done(owner.disk_attach(disk_id, vm_id))
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.vm_delete(vm_id))
    assert owner.disk_list() == [disk_id]
    assert owner.disk_info(disk_id)["state"] == "created"


def test_operations_on_one_vm_run_in_sequence_and_others_in_parallel(patient: Member) -> None:
    stop, start, reboot = patient.vm_stop(456), patient.vm_start(456), patient.vm_reboot(456)
    other = patient.vm_reboot(1234)
    seen_together = False
    deadline = time.monotonic() + 20
    while patient.operation_details(reboot)["state"] != "DONE":
        states = {pk: patient.operation_details(pk)["state"] for pk in (reboot, start, stop)}
        running = [pk for pk, state in states.items() if state == "RUN"]
        assert len(running) <= 1, states
        if states[stop] == "RUN" and patient.operation_details(other)["state"] == "RUN":
            seen_together = True
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert seen_together
    details = [patient.operation_details(pk) for pk in (stop, start, reboot)]
    assert all(d["state"] == "DONE" for d in details)
    assert patient.vm_info(456)["state"] == "running"


def test_calls_are_checked_against_the_state_after_earlier_operations(patient: Member) -> None:
    stop = patient.vm_stop(2001)
    assert patient.code("vm_stop", 2001) == 580160
    start = patient.vm_start(2001)
    assert patient.code("vm_delete", 2001) == 580160
    patient.done(stop)
    patient.done(start)


def test_cancel_from_pending_only_and_release(patient: Member) -> None:
    free = patient.resources("available")["shares"]
    stop = patient.vm_stop(1234)
    grow = patient.vm_update(1234, {"shares": 4})
    assert patient.operation_details(grow)["eta"] >= 0
    assert patient.resources("available")["shares"] == free - 1
    assert patient.operation_cancel(grow) is True
    assert patient.resources("available")["shares"] == free
    details = patient.operation_details(grow)
    assert (details["state"], details["step"], details["date_start"]) == ("CANCEL", "CANCEL", "")
    assert patient.code("operation_cancel", grow) == 580460
    deadline = time.monotonic() + 5
    while patient.operation_details(stop)["state"] == "PENDING":
        assert time.monotonic() < deadline
    assert patient.code("operation_cancel", stop) == 580460
    patient.done(stop)


def test_an_operation_fails_when_the_one_before_it_was_cancelled(patient: Member) -> None:
    reboot = patient.vm_reboot(2001)
    stop = patient.vm_stop(2001)
    start = patient.vm_start(2001)
    patient.operation_cancel(stop)
    patient.done(reboot)
    details = patient.wait(start)
    assert (details["state"], details["last_error"]) == ("ERROR", "the VM is running")


def test_capacity_counts_from_acceptance_on(patient: Member) -> None:
    free = patient.resources("available")["shares"]
    vm_id = patient.vm_create("newcomer", "passw0rd", 111, free, 1, {})
    assert patient.resources("available")["shares"] == 0
    assert patient.vm_info(vm_id)["state"] == "being_created"
    assert patient.code("vm_create", "another", "passw0rd", 111, 1, 1, {}) == 530160
    operation = patient.made("vm_create", vm_id=vm_id)
    details = patient.operation_details(operation)
    assert details["state"] in {"PENDING", "RUN"}
    assert 0 < details["eta"] <= 5
    patient.done(operation)
    patient.done(patient.vm_stop(vm_id))
    patient.done(patient.vm_delete(vm_id))
    assert patient.resources("available")["shares"] == free


def test_concurrent_calls_never_oversubscribe(provider: Provider, owner: Member) -> None:
    codes: list[str] = []

    def create() -> None:
        one = Member(provider.url, owner.handle)
        try:
            one.vm_create("racer", "passw0rd", 111, 1, 1, {})
            codes.append("made")
        except Exception as refused:  # noqa: BLE001
            codes.append(str(getattr(refused, "faultCode", refused)))

    threads = [threading.Thread(target=create) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["530160"] * 6 + ["made"] * 4
    assert owner.resources("available")["shares"] == 0


def test_the_list_is_newest_first_filtered_and_bounded(owner: Member) -> None:
    first = owner.new_disk(name="one")
    second = owner.new_disk(name="two")
    everything = owner.operation_list()
    assert everything == sorted(everything, reverse=True)
    assert owner.operation_list({"type": "disk_create"}) == everything[:2]
    assert owner.operation_list({"param": {"name": "one"}}) == owner.operation_list({"param": {"disk_id": first}})
    assert owner.operation_list({"param": {"disk_id": second}, "state": "DONE"}) == everything[:1]
    assert owner.operation_list({"state": "ALL"}) == everything
    assert owner.operation_list({"state": "PENDING"}) == []


def test_list_returns_at_most_three_hundred_operations(provider: Provider, member: Member) -> None:
    provider.shell(
        "from hosting.provider.models import *; from django.utils import timezone; n = timezone.now()\n"
        f"h = Handle.objects.get(handle={member.handle!r}); a = h.hosting_account\n"
        "Operation.objects.bulk_create(Operation(account=a, source=h, type='vm_start', state='DONE',"
        " step='DONE', date_created=n, date_updated=n) for _ in range(305))"
    )
    listed = member.operation_list()
    assert len(listed) == 300
    assert listed == sorted(listed, reverse=True)


def test_an_operation_is_done_soon_after_its_acceptance(owner: Member) -> None:
    vm_id = owner.new_vm()
    times = []
    for method in ("vm_stop", "vm_start", "vm_stop", "vm_start", "vm_reboot"):
        began = time.monotonic()
        owner.done(getattr(owner, method)(vm_id))
        times.append(time.monotonic() - began)
    assert min(times) < 0.3, times


def test_operations_continue_when_the_broker_is_emptied(provider: Provider, owner: Member, tmp_path: Path) -> None:
    provider.shell(
        "import redis; from django.conf import settings\nredis.Redis.from_url(settings.PROVIDER_REDIS_URL).flushdb()"
    )
    owner.new_vm()
