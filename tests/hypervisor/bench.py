"""The libvirt driver on a private hypervisor, for the suite that every driver passes."""

import itertools
import os
import signal
import time
from pathlib import Path

from hosting.provider.drivers.base import HostRef, ImageRef, NicSpec, VmSpec
from hosting.provider.drivers.libvirt import LibvirtDriver
from tests.hypervisor.hypervisor import Hypervisor, digest
from tests.provider.drivers.suite import Bench

PASSWORD = "secret-pass-1"
_installations = itertools.count(1)


class LibvirtBench(Bench):
    driver: LibvirtDriver

    def __init__(self, hypervisor: Hypervisor, image: Path) -> None:
        self.hypervisor = hypervisor
        self.driver = LibvirtDriver()
        self.host = HostRef(
            1, "private", hypervisor.uri, "default", "sd0", emulated=True, installation=f"bench{next(_installations)}"
        )
        sha256 = digest(image)
        self.image: ImageRef | None = ImageRef(f"{sha256}.qcow2", sha256, 104)
        self.limit_s = 300.0
        with image.open("rb") as file:
            self.driver.add_image(self.host, f"{sha256}.qcow2", file)

    def nic(self, vm_id: int) -> NicSpec:
        high, low = vm_id >> 8 & 255, vm_id & 255
        return NicSpec(
            mac=f"52:54:00:00:{high:02x}:{low:02x}",
            ipv4=f"10.1.{high}.{low}",
            ipv6=f"2001:db8::1:{vm_id & 0xFFFF:x}",
            prefix4=8,
            prefix6=32,
            gateway4="10.0.0.1",
            gateway6="2001:db8::1",
            kbit=5120,
        )

    def name(self, vm: VmSpec) -> str:
        return f"{self.host.installation}-vm-{vm.id}"

    def shut_down_inside(self, vm: VmSpec) -> None:
        assert vm.nic
        deadline = time.monotonic() + self.limit_s
        while self.hypervisor.ssh(vm.nic.ipv4, "poweroff", password=PASSWORD).returncode:
            assert time.monotonic() < deadline, "it does not boot"
            time.sleep(1)

    def kill(self, vm: VmSpec) -> None:
        [qemu] = self.hypervisor.guests(f"{self.name(vm)},")
        os.kill(qemu, signal.SIGKILL)
