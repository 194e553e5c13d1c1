"""Names of guests and volumes on a host. They begin with the installation, because a host may serve several."""

import re

from hosting.provider.drivers.base import DiskSpec, HostRef, VmSpec


def guest(host: HostRef, vm: VmSpec) -> str:
    return f"{_prefix(host)}vm-{vm.id}"


def is_ours(host: HostRef, name: str) -> bool:
    return re.fullmatch(re.escape(_prefix(host)) + r"vm-\d+", name) is not None


def volume(host: HostRef, disk: DiskSpec) -> str:
    """A disk may move from one guest to another: its volume is named by the disk alone, and by its generation."""
    return f"{_prefix(host)}disk-{disk.id}{f'-{disk.generation}' if disk.generation else ''}"


def seed(host: HostRef, vm: VmSpec) -> str:
    return f"{_prefix(host)}vm-{vm.id}-seed"


def serial(disk: DiskSpec) -> str:
    """What the guest finds the disk by: it is at most 20 characters, and the same on every host."""
    return f"disk-{disk.id}"


def disk_id(serial_or_path: str) -> int | None:
    """The id of the disk that a serial or the path of a volume belongs to. None for others, such as seeds."""
    found = re.search(r"(?:^|[/-])disk-(\d+)(?:-\d+)?$", serial_or_path)
    return int(found[1]) if found else None


def _prefix(host: HostRef) -> str:
    return f"{host.installation}-"
