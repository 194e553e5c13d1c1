"""Run a command as the only one that works on a data directory: `python -m panel.directory_lock ADDRESS COMMAND …`.

Two panels over one directory would spoil each other's data: the second one's endpoint and secrets are the first one's.
The lock is the kernel's. It is passed on to the command and its children, and ends with the last of them, whatever ends
them; so no file has to be removed after a crash.
"""

import fcntl
import os
import sys
from pathlib import Path

from panel.environment import data_directory
from safekeeping.files import write_privately


def lock(directory: Path, address: str) -> int | None:
    """Lock the directory for this process and those that it starts. None when another one has it.

    Args:
        address: where the panel will answer, for whoever finds the directory locked.
    """
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{address}, pid {os.getpid()}".encode())
    os.set_inheritable(descriptor, True)
    return descriptor


def main(address: str, *command: str) -> None:
    """Become the command, or end with the words who runs here already."""
    write_privately()
    directory = data_directory()
    if lock(directory, address) is None:
        owner = (directory / "lock").read_text(encoding="utf-8")
        sys.exit(
            f"Sharedeck already runs here ({owner}). Stop it first, or give this one a directory of its own: "
            f"make run VAR_DIR={directory}-2 PORT=8100 PROVIDER_PORT=8110"
        )
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
