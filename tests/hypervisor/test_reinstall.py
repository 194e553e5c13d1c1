"""A server gets a new name, and then a new system: what stays of it, what is lost, and which password it has."""

import time

from tests.hypervisor.world import PASSWORD, World

NEW_PASSWORD = "another-pass-2"
RENAME, REINSTALL = "sharedeck.vm_rename", "sharedeck.vm_reinstall"
# Seconds after a new installation was asked for; it takes about one.
MOMENTS_S = (0.1, 0.6)
MARK_DATA = "mkdir -p /mnt && mount /dev/vdb /mnt && echo kept > /mnt/mark && umount /mnt && sync"
READ_DATA = "mount -o ro /dev/vdb /mnt && cat /mnt/mark && umount /mnt"
OS_OF_ANOTHER_LABEL = 101


def system_volumes(world: World, disk_id: int) -> list[str]:
    name = f"{world.token}-disk-{disk_id}"
    return sorted(file for file in world.hypervisor.files() if file == name or file.startswith(f"{name}-"))


def logged_in(world: World, vm_id: int, command: str, password: str) -> str | None:
    """What the command printed inside the server; None when it does not take the password."""
    done = world.hypervisor.ssh(world.address(vm_id), command, password=password)
    if done.returncode == 255:
        assert "Permission denied" in done.stderr, done.stderr
        return None
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout.strip()


def test_new_system_has_the_old_addresses_and_data_disks_and_a_new_password(world: World) -> None:
    customer, guests, files = world.customer, world.guests(), world.hypervisor.files()
    vm = customer.begin_vm("old-name")
    customer.created(vm)
    disk = customer.disk("ext3")
    customer.done(customer.disk_attach(disk, vm))
    world.inside(vm, MARK_DATA)
    world.inside(vm, "echo lost > /root/mark && sync")

    customer.done(getattr(customer, RENAME)(vm, "new-name.example.net"))
    assert world.inside(vm, "hostname") == "old-name"
    customer.done(customer.vm_stop(vm))
    customer.done(customer.vm_start(vm))
    assert world.inside(vm, "hostname; cat /root/mark").split() == ["new-name.example.net", "lost"]

    customer.done(customer.vm_stop(vm))
    before, system = customer.vm_info(vm), customer.vm_disk_list(vm)[0]
    for moment in MOMENTS_S:
        operation = getattr(customer, REINSTALL)(vm, OS_OF_ANOTHER_LABEL, NEW_PASSWORD)
        time.sleep(moment)
        world.kill_provider()
        customer.done(operation)
        assert len(system_volumes(world, system)) == 1
    after = customer.vm_info(vm)
    assert after["state"] == "halted"
    for name in ("hostname", "disks_id", "ifaces", "shares"):
        assert after[name] == before[name]

    customer.done(customer.vm_start(vm))
    assert logged_in(world, vm, "hostname; ls /root", NEW_PASSWORD) == "new-name.example.net"
    assert logged_in(world, vm, "true", PASSWORD) is None
    assert logged_in(world, vm, READ_DATA, NEW_PASSWORD) == "kept"

    hashed = logged_in(world, vm, "sed -n 's/^root:\\([^:]*\\):.*/\\1/p' /etc/shadow", NEW_PASSWORD)
    assert hashed
    directory = world.hypervisor.directory / "hypervisor"
    places = {
        "seed": (directory / f"lib/images/{world.name(vm)}-seed").read_bytes(),
        "logs of the provider": world.log().encode(),
        "database": b"".join(file.read_bytes() for file in world.provider.directory.glob("provider.sqlite3*")),
    }
    secrets = (NEW_PASSWORD.encode(), hashed.encode())
    assert [name for name, content in places.items() if any(secret in content for secret in secrets)] == []

    # It keeps that password from boot to boot.
    customer.done(customer.vm_reboot(vm))
    assert logged_in(world, vm, "id -un", NEW_PASSWORD) == "root"
    customer.removed(vm)
    customer.done(customer.disk_delete(disk))
    assert (world.guests(), world.hypervisor.files()) == (guests, files)


def test_installation_without_its_image_fails_and_the_old_system_boots(world: World) -> None:
    customer, guests, files = world.customer, world.guests(), world.hypervisor.files()
    vm = customer.begin_vm("stays")
    customer.created(vm)
    world.inside(vm, "echo kept > /root/mark && sync")
    customer.done(customer.vm_stop(vm))
    with world.hypervisor.without_images():
        details = customer.wait(getattr(customer, REINSTALL)(vm, OS_OF_ANOTHER_LABEL, NEW_PASSWORD))
    assert (details["state"], "image" in details["last_error"]) == ("ERROR", True)
    customer.done(customer.vm_start(vm))
    assert world.inside(vm, "cat /root/mark") == "kept"
    customer.removed(vm)
    assert (world.guests(), world.hypervisor.files()) == (guests, files)
