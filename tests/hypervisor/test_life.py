"""The life of a VM, by XML-RPC alone, and what its owner finds inside."""

from collections.abc import Iterator

import pytest

from tests.hypervisor.world import LOGIN, PASSWORD, World, public


@pytest.fixture(scope="module")
def vm(world: World) -> Iterator[int]:
    vm_id = world.customer.begin_vm("web1.example.net")
    world.customer.created(vm_id)
    yield vm_id
    world.customer.removed(vm_id)
    assert world.guests() == set()
    assert world.hypervisor.files() == set()


@pytest.mark.parametrize("user", ["root", LOGIN])
@pytest.mark.parametrize("version", [4, 6])
def test_owner_logs_in_with_the_password_of_vm_create(world: World, vm: int, user: str, version: int) -> None:
    assert world.inside(vm, "id -un", user=user, version=version) == user


def test_wrong_password_is_refused(world: World, vm: int) -> None:
    done = world.hypervisor.ssh(world.address(vm), "true", password="wrong-pass-1")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_host_name_and_memory_are_those_of_vm_info(world: World, vm: int) -> None:
    told = world.customer.vm_info(vm)
    assert (told["state"], told["hostname"]) == ("running", world.inside(vm, "hostname"))
    seen_mb = int(world.inside(vm, "awk '/MemTotal/ {print $2}' /proc/meminfo")) / 1024
    # The kernel keeps some of it to itself.
    assert 0.75 * told["memory"] <= seen_mb <= told["memory"]


def test_password_is_nowhere_once_the_guest_has_booted(world: World, vm: int) -> None:
    hashed = world.inside(vm, "sed -n 's/^root:\\([^:]*\\):.*/\\1/p' /etc/shadow")
    assert hashed.startswith("$6$")
    directory = world.hypervisor.directory / "hypervisor"
    seed = (directory / f"lib/images/{world.name(vm)}-seed").read_bytes()
    assert b"web1.example.net" in seed
    places = {
        "definition": world.virsh("dumpxml", world.name(vm), "--security-info").encode(),
        "definition of the next start": world.virsh("dumpxml", world.name(vm), "--inactive").encode(),
        "logs of the provider": world.log().encode(),
        "seed": seed,
        "database": b"".join(file.read_bytes() for file in world.provider.directory.glob("provider.sqlite3*")),
        "logs of libvirt": b"".join(file.read_bytes() for file in (directory / "log").rglob("*.log")),
    }
    assert [
        name for name, content in places.items() if PASSWORD.encode() in content or hashed.encode() in content
    ] == []


def test_memory_and_weight_follow_shares_while_it_runs(world: World, vm: int) -> None:
    def memory_mb() -> int:
        return int(world.inside(vm, "awk '/MemTotal/ {print $2}' /proc/meminfo")) >> 10

    small = memory_mb()
    for shares in (2, 1):
        world.customer.done(world.customer.vm_update(vm, {"shares": shares}))
        assert f"cpu_shares     : {100 * shares}" in world.virsh("schedinfo", world.name(vm))
        assert (memory_mb() > small + 200) == (shares == 2)


def test_reboot_happens_once_and_what_was_written_stays(world: World, vm: int) -> None:
    world.count_boots(vm)
    world.customer.done(world.customer.vm_reboot(vm))
    assert world.boots(vm) == 1


def test_stopped_guest_is_off_and_starts_again(world: World, vm: int) -> None:
    world.customer.done(world.customer.vm_stop(vm))
    assert world.hypervisor.guests(f"{world.name(vm)},") == []
    assert world.customer.vm_info(vm)["state"] == "halted"
    world.customer.done(world.customer.vm_start(vm))
    # It kept its password, which nobody else has.
    assert world.inside(vm, "hostname") == "web1.example.net"


def test_guest_cannot_use_the_address_of_another(world: World, vm: int) -> None:
    gateway = "10.0.0.1"
    world.inside(vm, f"ping -c 1 -W 5 {gateway}")
    device = "$(ls /sys/class/net | grep -v lo | head -n 1)"
    spoof = f"ip addr add 10.99.99.99/8 dev {device}; ! ping -c 2 -W 2 -I 10.99.99.99 {gateway}"
    world.inside(vm, f"{spoof}; result=$?; ip addr del 10.99.99.99/8 dev {device}; exit $result")


def test_creation_without_its_image_fails_and_leaves_nothing(world: World, vm: int) -> None:
    customer, guests, files = world.customer, world.guests(), world.hypervisor.files()
    free = customer.resources("available")["shares"]
    with world.hypervisor.without_images():
        doomed = customer.begin_vm("doomed")
        details = customer.wait(customer.made("vm_create", vm_id=doomed))
    assert details["state"] == "ERROR"
    assert public(details["last_error"]), details["last_error"]
    assert "image" in details["last_error"]
    assert (world.guests(), world.hypervisor.files()) == (guests, files)
    assert customer.resources("available")["shares"] == free
