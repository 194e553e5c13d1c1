"""Real guests with SSH keys and a first-boot script: who gets in, what runs, and what is left of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hosting.provider.drivers.libvirt import seed
from tests.hypervisor.hypervisor import key_pair
from tests.hypervisor.world import LOGIN, OS, PASSWORD, World
from tests.provider.drivers.test_seed import HASH, VM
from tests.provider.rules.test_public_keys import RSA

PLANTED = "planted-in-a-script-7"
# It counts how often it runs.
SCRIPT = f"""#!/bin/sh
echo "first boot of $(hostname) as $(id -un): \u00e9"
token={PLANTED}
echo run >> /root/runs
"""
CONFIG = "#cloud-config\nruncmd: [touch /root/ran]\n"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a key of the owner and one of somebody else."""
    directory = tmp_path_factory.mktemp("keys")
    key_pair(directory / "owner")
    key_pair(directory / "stranger")
    return directory


@pytest.fixture(scope="module")
def vm(world: World, keys: Path) -> Iterator[int]:
    specs = {"login": LOGIN, "ssh_keys": [(keys / "owner.pub").read_text().strip(), RSA], "user_data": SCRIPT}
    vm_id: int = world.customer.vm_create("keyed.example.net", PASSWORD, OS, 1, 1, specs)
    world.customer.created(vm_id)
    yield vm_id
    world.customer.removed(vm_id)


@pytest.mark.parametrize("user", ["root", LOGIN])
def test_owner_logs_in_with_the_key(world: World, vm: int, keys: Path, user: str) -> None:
    done = world.hypervisor.ssh_by_key(world.address(vm), "id -un", user=user, key=keys / "owner")
    assert (done.stdout.strip(), done.stderr) == (user, "")


@pytest.mark.parametrize("user", ["root", LOGIN])
def test_another_key_is_refused(world: World, vm: int, keys: Path, user: str) -> None:
    done = world.hypervisor.ssh_by_key(world.address(vm), "id -un", user=user, key=keys / "stranger")
    assert done.returncode == 255
    assert "Permission denied" in done.stderr


def test_script_runs_once_and_not_after_a_reboot(world: World, vm: int) -> None:
    assert world.runs(vm) == ["run"]
    world.customer.done(world.customer.vm_reboot(vm))
    world.until_inside(vm)
    world.customer.done(world.customer.vm_stop(vm))
    world.customer.done(world.customer.vm_start(vm))
    assert world.runs(vm) == ["run"]
    assert world.inside(vm, "ls /etc/first-boot /run/first-boot 2>/dev/null | wc -l") == "0"


def test_nothing_of_the_script_is_left_outside_the_guest(world: World, vm: int) -> None:
    directory = world.hypervisor.directory / "hypervisor"
    seed_image = (directory / f"lib/images/{world.name(vm)}-seed").read_bytes()
    assert b"keyed.example.net" in seed_image
    places = {
        "definition": world.virsh("dumpxml", world.name(vm), "--security-info").encode(),
        "definition of the next start": world.virsh("dumpxml", world.name(vm), "--inactive").encode(),
        "logs of the provider": world.log().encode(),
        "seed": seed_image,
        "database": b"".join(file.read_bytes() for file in world.provider.directory.glob("provider.sqlite3*")),
        "logs of libvirt": b"".join(file.read_bytes() for file in (directory / "log").rglob("*.log")),
    }
    # As it is in the script, and as it travels in the seed.
    encoded = seed.texts(replace(VM, user_data=SCRIPT), HASH)["user-data"].splitlines()
    needles = [PLANTED.encode(), *(line.encode() for line in encoded if len(line) == 76)]
    assert len(needles) > 1
    assert [name for name, content in places.items() if any(needle in content for needle in needles)] == []


def test_small_image_ignores_cloud_config_and_boots(world: World, vm: int) -> None:
    other: int = world.customer.vm_create("other", PASSWORD, OS, 1, 1, {"login": LOGIN, "user_data": CONFIG})
    world.customer.created(other)
    assert world.inside(other, "ls /root/ran /etc/first-boot 2>/dev/null | wc -l") == "0"
    world.customer.removed(other)


def test_largest_seed_fits() -> None:
    largest = replace(VM, ssh_keys=(f"{RSA} {'x' * 7700}",) * 20, user_data="#!/bin/sh\n" + "x" * 16374)
    assert len(seed.build(largest, HASH)) == seed.SIZE
