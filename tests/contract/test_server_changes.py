"""The extensions that rename a VM, install it anew and name its addresses (docs/extensions.md)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.contract.test_changes import Follower
from tests.processes import Provider, start_provider

RENAME, REINSTALL, REVERSE = "sharedeck.vm_rename", "sharedeck.vm_reinstall", "sharedeck.ip_reverse"
PASSWORD = "another-pass-2"
# Of the demonstration: VM 456 runs, 9876 is halted, 2002 paused; VM 3001 is a customer's. Image 111 fits on the system
# disk of 9876, and 106 is larger.
FAULTS: list[tuple[str, tuple[Any, ...], int]] = [
    (RENAME, (456,), 520010),
    (RENAME, ("456x", "web"), 580110),
    (RENAME, (456, 5), 580110),
    (RENAME, ("456x", "web_1"), 580110),
    (RENAME, (999999, "web_1"), 580120),
    (RENAME, (456, ""), 580120),
    (RENAME, (456, "a" * 64), 580120),
    (RENAME, (999999, "web"), 580140),
    (RENAME, (3001, "web"), 580150),
    (REINSTALL, ("9876x", 111, PASSWORD), 580110),
    (REINSTALL, (9876, "111x", PASSWORD), 580310),
    (REINSTALL, (9876, 111, 5), 500110),
    (REINSTALL, (999999, 111, "short1"), 500130),
    (REINSTALL, (999999, 111, PASSWORD), 580140),
    (REINSTALL, (3001, 9, PASSWORD), 580340),
    (REINSTALL, (3001, 111, PASSWORD), 580150),
    (REINSTALL, (456, 111, PASSWORD), 580160),
    (REINSTALL, (2002, 111, PASSWORD), 580160),
    (REINSTALL, (9876, 106, PASSWORD), 580360),
    (REVERSE, ("1x", "www.example.net"), 580110),
    (REVERSE, (1, 5), 580110),
    (REVERSE, (999999, "www example"), 580120),
    (REVERSE, (999999, "a." * 127), 580120),
    (REVERSE, (999999, "www.example.net"), 580140),
]


def call(member: Member, method: str, *args: Any) -> Any:
    return getattr(member, method)(*args)


def done(member: Member, method: str, *args: Any) -> dict[str, Any]:
    return member.done(call(member, method, *args))


def addresses(member: Member, vm_id: int) -> list[dict[str, Any]]:
    [interface] = member.vm_info(vm_id)["ifaces"]
    found: list[dict[str, Any]] = interface["ips"]
    return found


@pytest.mark.parametrize(("method", "args", "code"), FAULTS)
def test_call_is_refused_in_the_order_of_the_checks(
    reseller: Member, method: str, args: tuple[Any, ...], code: int
) -> None:
    assert reseller.code(method, *args) == code


def test_address_of_another_account_is_not_named(reseller: Member, provider: Provider) -> None:
    of_customer = int(provider.shell("from hosting.provider.models import *; print(Interface.objects.get(vm=3001).pk)"))
    assert reseller.code(REVERSE, 2 * of_customer, "www.example.net") == 580150


def test_session_in_safe_mode_changes_nothing(provider: Provider, member: Member) -> None:
    member.buy(1)
    vm_id = member.new_vm()
    careful = Member(provider.url, member.handle, safe=True)
    for method, args in ((RENAME, (vm_id, "other")), (REVERSE, (addresses(member, vm_id)[0]["id"], ""))):
        assert careful.code(method, *args) == 510250
    member.done(member.vm_stop(vm_id))
    assert careful.code(REINSTALL, vm_id, 111, PASSWORD) == 510250


def test_renamed_vm_has_its_new_name_and_so_have_its_addresses(owner: Member) -> None:
    vm_id = owner.new_vm(hostname="before")
    details = done(owner, RENAME, vm_id, "after.example.net")
    assert (details["type"], details["vm_id"]) == (RENAME, vm_id)
    assert details["params"] == {"vm_id": vm_id, "hostname": "after.example.net"}
    vm = owner.vm_info(vm_id)
    assert (vm["hostname"], vm["state"]) == ("after.example.net", "running")
    assert {ip["reverse"] for ip in addresses(owner, vm_id)} == {"after.example.net"}
    assert owner.made(RENAME, hostname="after.example.net") == details["id"]


def test_two_vms_may_have_one_name_as_when_they_are_created(owner: Member) -> None:
    owner.new_vm(hostname="twin")
    other = owner.new_vm(hostname="other")
    done(owner, RENAME, other, "twin")
    assert [owner.vm_info(vm_id)["hostname"] for vm_id in owner.vm_list()] == ["twin", "twin"]


def test_new_installation_keeps_disks_addresses_and_sizes(owner: Member) -> None:
    vm_id, disk_id = owner.new_vm(), owner.new_disk()
    owner.done(owner.disk_attach(disk_id, vm_id))
    owner.done(owner.vm_stop(vm_id))
    before, system = owner.vm_info(vm_id), owner.vm_disk_list(vm_id)[0]
    details = done(owner, REINSTALL, vm_id, 110, PASSWORD)
    assert (details["vm_id"], details["disk_id"]) == (vm_id, system)
    assert details["params"] == {"vm_id": vm_id, "hostname": "web1", "os_id": 110}
    after = owner.vm_info(vm_id)
    assert (before["os_id"], after["os_id"], after["os_label"]) == (111, 110, "Debian 4")
    kept = ("hostname", "state", "shares", "cores", "memory", "disks_id", "ifaces")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert [disk["size"] for disk in after["disks"]] == [2048, 2048]
    owner.done(owner.vm_start(vm_id))
    assert owner.vm_info(vm_id)["state"] == "running"


def test_vm_without_a_system_disk_cannot_be_installed_anew(owner: Member) -> None:
    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.disk_detach(owner.vm_disk_list(vm_id)[0], vm_id))
    assert owner.code(REINSTALL, vm_id, 111, PASSWORD) == 580160


def test_password_of_a_new_installation_is_sealed_until_the_first_start(owner: Member, provider: Provider) -> None:
    def sealed() -> str:
        return provider.shell(
            f"from hosting.provider.models import *; print(Vm.objects.get(pk={vm_id}).sealed_password)"
        )

    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    done(owner, REINSTALL, vm_id, 111, PASSWORD)
    assert sealed()
    database = b"".join(file.read_bytes() for file in provider.directory.glob("*.sqlite3*"))
    assert PASSWORD.encode() not in database
    assert PASSWORD not in "".join(file.read_text() for file in provider.directory.glob("*.log"))
    owner.done(owner.vm_start(vm_id))
    assert sealed() == ""


def test_start_says_that_the_password_of_a_new_installation_cannot_be_read(owner: Member, provider: Provider) -> None:
    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    done(owner, REINSTALL, vm_id, 111, PASSWORD)
    # As after a change of the provider's key.
    provider.shell(
        f"from hosting.provider.models import *; Vm.objects.filter(pk={vm_id}).update(sealed_password='old')"
    )
    details = owner.wait(owner.vm_start(vm_id))
    assert details["state"] == "ERROR"
    assert "with a new password" in details["last_error"]
    done(owner, REINSTALL, vm_id, 111, PASSWORD)
    owner.done(owner.vm_start(vm_id))


def test_failed_installation_leaves_the_vm_as_it_was(owner: Member, provider: Provider) -> None:
    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    before = owner.vm_info(vm_id)
    with provider.faults(f"{REINSTALL}:fail"):
        assert owner.wait(call(owner, REINSTALL, vm_id, 110, PASSWORD))["state"] == "ERROR"
    assert owner.vm_info(vm_id) == before
    owner.done(owner.vm_start(vm_id))


def test_each_address_has_a_name_of_its_own_until_it_is_reset(owner: Member) -> None:
    vm_id = owner.new_vm(hostname="web1")
    first, second = addresses(owner, vm_id)
    details = done(owner, REVERSE, second["id"], "www.example.net")
    assert details["vm_id"] == vm_id
    assert details["params"] == {
        "vm_id": vm_id,
        "hostname": "web1",
        "ip_id": second["id"],
        "ip": second["ip"],
        "name": "www.example.net",
    }
    assert [ip["reverse"] for ip in addresses(owner, vm_id)] == ["web1", "www.example.net"]
    done(owner, RENAME, vm_id, "web2")
    assert [ip["reverse"] for ip in addresses(owner, vm_id)] == ["web2", "www.example.net"]
    done(owner, REVERSE, second["id"], "")
    assert [ip["reverse"] for ip in addresses(owner, vm_id)] == ["web2", "web2"]
    assert owner.code(REVERSE, first["id"] + 2, "www.example.net") in {580140, 580150}


def test_released_address_forgets_its_name(owner: Member, provider: Provider) -> None:
    vm_id = owner.new_vm()
    first = addresses(owner, vm_id)[0]
    done(owner, REVERSE, first["id"], "www.example.net")
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.vm_delete(vm_id))
    row = f"from hosting.provider.models import *; print(repr(Address.objects.get(ip={first['ip']!r}).reverse))"
    assert provider.shell(row) == "''"
    assert owner.code(REVERSE, first["id"], "www.example.net") == 580140


def test_what_changes_is_named_to_those_who_follow(owner: Member) -> None:
    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    follower = Follower(owner)
    for method, args in (
        (RENAME, (vm_id, "other")),
        (REVERSE, (addresses(owner, vm_id)[1]["id"], "www.example.net")),
        (REINSTALL, (vm_id, 110, PASSWORD)),
    ):
        done(owner, method, *args)
        differing, named, _gone = follower.compare()
        assert ("vm", vm_id) in differing
        assert differing <= named


def test_call_with_a_key_is_carried_out_once(owner: Member) -> None:
    vm_id = owner.new_vm()
    owner.done(owner.vm_stop(vm_id))
    calls = (
        (RENAME, [vm_id, "other"]),
        (REVERSE, [addresses(owner, vm_id)[0]["id"], "www.example.net"]),
        (REINSTALL, [vm_id, 111, PASSWORD]),
    )
    for number, (method, params) in enumerate(calls):
        answers = [call(owner, "sharedeck.once", f"key-{number}", method, params) for _ in range(2)]
        assert [answer["replayed"] for answer in answers] == [False, True]
        assert owner.operation_list({"type": method}) == [answers[0]["result"]] == [answers[1]["result"]]


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider whose work takes its time: a stop about 0.45 s."""
    running = start_provider(tmp_path_factory.mktemp("slow"), PROVIDER_SPEED="0.03")
    yield running
    running.stop()


def test_operations_on_one_vm_wait_for_each_other(slow: Provider) -> None:
    patient = Member(slow.url, "AA1234-GANDI", "mypassword")
    stop = patient.vm_stop(456)
    anew = call(patient, REINSTALL, 456, 111, PASSWORD)
    system = patient.vm_disk_list(456)[0]
    assert patient.operation_details(anew)["state"] == "PENDING"
    assert patient.code("vm_stop", 456) == 580160
    # Whoever takes the disk away meanwhile waits, and a new installation after that has no disk.
    leaving = patient.disk_detach(system, 456)
    assert patient.code(REINSTALL, 456, 111, PASSWORD) == 580160
    assert patient.operation_cancel(leaving) is True
    start = patient.vm_start(456)
    for operation in (stop, anew, start):
        patient.done(operation)


def test_installation_fails_when_the_stop_before_it_was_cancelled(slow: Provider) -> None:
    patient = Member(slow.url, "AA1234-GANDI", "mypassword")
    reboot, stop = patient.vm_reboot(1234), patient.vm_stop(1234)
    anew = call(patient, REINSTALL, 1234, 111, PASSWORD)
    patient.operation_cancel(stop)
    patient.done(reboot)
    details = patient.wait(anew)
    assert (details["state"], details["last_error"]) == ("ERROR", "the VM is running")
