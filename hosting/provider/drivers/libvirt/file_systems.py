"""Make file systems on new volumes. The tools are those of the machine that the driver runs on."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from hosting.provider.drivers.base import CannotDo

# Labels of xfs are the shortest.
LABEL_BYTES = 12
BLOCK = 4096


@dataclass(frozen=True)
class FileSystem:
    """How one is made. `superblock`: where the block begins without which the rest means nothing."""

    command: tuple[str, ...]
    superblock: int


KNOWN = {
    "ext3": FileSystem(("mkfs.ext3", "-q", "-F", "-L"), 0),
    "xfs": FileSystem(("mkfs.xfs", "-q", "-f", "-L"), 0),
    "jfs": FileSystem(("mkfs.jfs", "-q", "-L"), 8 * BLOCK),
    "reiserfs": FileSystem(("mkfs.reiserfs", "-q", "-ff", "-l"), 16 * BLOCK),
}
# Where Debian keeps tools that only root needs.
TOOLS = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def offered() -> tuple[str, ...]:
    """The file systems whose tools are installed."""
    return tuple(name for name, kind in KNOWN.items() if shutil.which(kind.command[0], path=TOOLS))


def short_label(label: str) -> str:
    """As much of a disk's name as fits: whole characters, of which some take several bytes."""
    return label.encode()[:LABEL_BYTES].decode(errors="ignore")


@contextmanager
def made(name: str, size_mb: int, label: str) -> Iterator[IO[bytes]]:
    """A sparse file of that size with an empty file system. It has no name, so that nothing can leave it behind.

    Raises:
        CannotDo: for a file system whose tools are missing.
    """
    if name not in offered():
        raise CannotDo(f"Disks with the file system {name} are not available here.")
    with tempfile.TemporaryFile() as file:
        file.truncate(size_mb << 20)
        subprocess.run(
            [*KNOWN[name].command, short_label(label), f"/proc/self/fd/{file.fileno()}"],
            pass_fds=[file.fileno()],
            env={**os.environ, "PATH": TOOLS},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        yield file
