"""A private hypervisor with a directory of its own, and hands on its processes and guests."""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.processes import ROOT

_BY_KEY = (
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "LogLevel=ERROR",
    "ConnectTimeout=30",
)


def image() -> Path:
    """The small guest image, which is built when it is not there."""
    done = subprocess.run(
        [ROOT / "tools/guest-image/build", ROOT / "var/guest-image"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"The guest image was not built:\n{done.stderr[-2000:]}")
    return Path(done.stdout.strip())


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def processes(of: str) -> dict[int, str]:
    """Command lines of the machine's processes that contain the text, by process id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if of in line:
                found[int(entry.name)] = line
    return found


@dataclass
class Hypervisor:
    """`tools/hypervisor` for one directory."""

    directory: Path

    def call(self, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ROOT / "tools/hypervisor", *arguments],
            env={**os.environ, "VAR_DIR": str(self.directory), **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def uri(self) -> str:
        return f"qemu+unix:///system?socket={self.directory}/hypervisor/sock/libvirt-sock"

    def start(self) -> None:
        done = self.call("start")
        if done.returncode:
            raise RuntimeError(done.stderr)

    def stop(self) -> None:
        self.call("stop")

    def outer(self) -> int:
        """The process outside: whatever ends it ends the whole host, as a power cut would."""
        return int((self.directory / "hypervisor/pid").read_text())

    def inside(self, pattern: str) -> list[int]:
        """Process ids, as this machine counts them, of the hypervisor's own processes that match."""
        namespace = Path(f"/proc/{self.outer()}/ns/pid_for_children").readlink()
        found = []
        for pid in processes(pattern):
            try:
                same = Path(f"/proc/{pid}/ns/pid").readlink() == namespace
            except OSError:
                continue
            if same:
                found.append(pid)
        return found

    def libvirtd(self) -> int:
        return self.inside("libvirtd -f")[0]

    def guests(self, name: str = "") -> list[int]:
        """The QEMU processes, or that of one guest."""
        return self.inside(f"qemu-system-x86_64 -name guest={name}")

    def cut_power(self) -> None:
        """End the host and all of its guests at once."""
        ended = [self.outer(), *self.guests()]
        os.kill(ended[0], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while any(Path(f"/proc/{pid}/exe").exists() for pid in ended):
            assert time.monotonic() < deadline, "a guest outlived its host"
            time.sleep(0.05)

    def files(self) -> set[str]:
        """Names of the volumes, images left out."""
        names = (file.name for file in (self.directory / "hypervisor/lib/images").iterdir())
        return {name for name in names if not name.endswith(".qcow2")}

    def virsh(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["virsh", "-q", "-c", self.uri, *arguments], capture_output=True, text=True, check=False, timeout=60
        )

    @contextmanager
    def without_images(self) -> Iterator[None]:
        """Take the images out of the pool meanwhile. Guests that run keep theirs."""
        pool = self.directory / "hypervisor/lib/images"
        images = list(pool.glob("*.qcow2"))
        for file in images:
            file.rename(self.directory / file.name)
        self.virsh("pool-refresh", "default")
        try:
            yield
        finally:
            for file in images:
                (self.directory / file.name).rename(file)
            self.virsh("pool-refresh", "default")

    def ssh(
        self, address: str, command: str, *, user: str = "root", password: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in a guest with a password, as `make guest` does."""
        return subprocess.run(
            [ROOT / "tools/guest", address, command],
            env={**os.environ, "VAR_DIR": str(self.directory), "GUEST_USER": user, "GUEST_PASSWORD": password},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def ssh_by_key(self, address: str, command: str, *, user: str, key: Path) -> "subprocess.CompletedProcess[str]":
        """Run a command in a guest with a private key and nothing else."""
        options = (f"-o{option}" for option in _BY_KEY)
        return self.call("enter", "ssh", "-F", "none", "-i", str(key), *options, f"{user}@{address}", command)


def key_pair(file: Path) -> str:
    """Write a new private key to `file`; the public one, which is in `file`.pub."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a test", "-f", file], check=True)
    return file.with_suffix(".pub").read_text().strip()


@contextmanager
def running_hypervisor() -> Iterator[Hypervisor]:
    """One that runs meanwhile, in a directory with a path that is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="sd-"))
    hypervisor = Hypervisor(directory)
    hypervisor.start()
    try:
        yield hypervisor
    finally:
        hypervisor.stop()
        shutil.rmtree(directory)
