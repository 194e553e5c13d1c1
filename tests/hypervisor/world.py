"""A provider whose VMs are real, and a customer of it who speaks XML-RPC."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.contract.conftest import POOL, Member
from tests.hypervisor.hypervisor import Hypervisor
from tests.processes import Provider, start_provider

DRIVER = "hosting.provider.drivers.libvirt.LibvirtDriver"
PASSWORD = "planted-pass-7"
LOGIN = "admin"
OS = 102
# A boot takes ten seconds, and beside other work a minute.
LIMIT_S = 300.0


class Customer(Member):
    """A handle that waits as long as real guests take."""

    limit_s = LIMIT_S

    def begin_vm(self, hostname: str, shares: int = 1, **specs: Any) -> int:
        """Ask for a VM and return its id at once."""
        vm_id: int = self.vm_create(hostname, PASSWORD, OS, shares, 1, {"login": LOGIN, **specs})
        return vm_id

    def created(self, vm_id: int) -> None:
        self.done(self.made("vm_create", vm_id=vm_id))

    def removed(self, vm_id: int) -> None:
        """Stop and delete a VM."""
        if self.vm_info(vm_id)["state"] != "halted":
            self.done(self.vm_stop(vm_id))
        self.done(self.vm_delete(vm_id))

    def disk(self, fstype: str, name: str = "data", size: int = 1024) -> int:
        disk_id: int = self.disk_create({"size": size, "name": name, "fstype": fstype})
        self.done(self.made("disk_create", disk_id=disk_id))
        return disk_id

    def until(self, vm_id: int, state: str, seconds: float) -> float:
        """Wait for a state of the VM and return the seconds that it took."""
        began = time.monotonic()
        while (now := self.vm_info(vm_id)["state"]) != state:
            assert time.monotonic() - began < seconds, f"{now} instead of {state}"
            time.sleep(0.1)
        return time.monotonic() - began


@dataclass
class World:
    """The provider, its first host, and a customer with shares."""

    provider: Provider
    hypervisor: Hypervisor
    customer: Customer
    image: Path

    @cached_property
    def token(self) -> str:
        """What the names of its guests and volumes begin with."""
        return self.provider.shell("from hosting.provider.engine import specs; print(specs.installation())").strip()

    def name(self, vm_id: int) -> str:
        return f"{self.token}-vm-{vm_id}"

    def address(self, vm_id: int, version: int = 4) -> str:
        [interface] = self.customer.vm_info(vm_id)["ifaces"]
        return str(next(ip["ip"] for ip in interface["ips"] if ip["version"] == version))

    def inside(self, vm_id: int, command: str, *, user: str = "root", version: int = 4) -> str:
        """What the command printed inside the VM."""
        done = self.hypervisor.ssh(self.address(vm_id, version), command, user=user, password=PASSWORD)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def until_inside(self, vm_id: int) -> None:
        """Wait until the VM lets its owner in, for instance after a boot that nobody asked for."""
        deadline = time.monotonic() + LIMIT_S
        while self.hypervisor.ssh(self.address(vm_id), "true", password=PASSWORD).returncode:
            assert time.monotonic() < deadline, "it does not boot"
            time.sleep(0.5)

    def until_off(self, vm_id: int) -> None:
        """Wait until the VM has no process."""
        deadline = time.monotonic() + LIMIT_S
        while self.hypervisor.guests(f"{self.name(vm_id)},"):
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.1)

    def maintain(self, host: str, *, on: bool) -> None:
        """Have a host get no new VMs, or get them again."""
        state = "maintenance" if on else "active"
        self.provider.shell(
            f"from hosting.provider.models import Host; Host.objects.filter(name={host!r}).update(state={state!r})"
        )

    def virsh(self, *arguments: str) -> str:
        done = self.hypervisor.virsh(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def guests(self) -> set[str]:
        """Names of all guests that the host knows."""
        return set(self.virsh("list", "--all", "--name").split())

    def count_boots(self, vm_id: int) -> None:
        """Have the VM count its boots from now on."""
        boot = "/etc/init.d/boot"
        count = "echo $(( $(cat /root/boots) + 1 )) > /root/boots"
        self.inside(vm_id, f"echo 0 > /root/boots; grep -q boots {boot} || echo '{count}; sync' >> {boot}; sync")

    def boots(self, vm_id: int) -> int:
        return int(self.inside(vm_id, "cat /root/boots"))

    def runs(self, vm_id: int) -> list[str]:
        """The lines that a first-boot script has added to /root/runs, once it has begun."""
        wait = "for i in $(seq 100); do [ -e /root/runs ] && break; sleep 0.3; done"
        return self.inside(vm_id, f"{wait}; cat /root/runs").split()

    def register(self, hypervisor: Hypervisor, name: str) -> None:
        where = (name, hypervisor.uri, "--bridge", "sd0", "--emulated", "--overcommit", "8")
        self.provider.manage("register_host", *where, "--image", str(self.image))

    def kill_provider(self) -> None:
        """End all of its processes as a power cut would, and start them again."""
        self.provider.kill_worker()
        self.provider.kill_web()
        self.provider.worker.start()
        self.provider.start_web()

    def log(self) -> str:
        return "".join(file.read_text(errors="replace") for file in self.provider.directory.glob("*.log"))


@contextmanager
def running_world(directory: Path, hypervisor: Hypervisor, image: Path, shares: int = 8) -> Iterator[World]:
    provider = start_provider(directory, PROVIDER_DRIVER=DRIVER)
    try:
        provider.shell(POOL)
        customer = Customer(provider.url, "T00-TEST")
        customer.buy(shares)
        world = World(provider, hypervisor, customer, image)
        world.register(hypervisor, "first")
        yield world
    finally:
        provider.stop()


def public(sentence: Any) -> bool:
    """Whether a customer may read it: it names no path and no host."""
    return bool(sentence) and "/" not in str(sentence) and "first" not in str(sentence)
