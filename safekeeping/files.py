"""Files that only their owner can read."""

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_privately() -> None:
    """Have this process and its children create files and directories without permissions for group and others."""
    os.umask(_OF_OTHERS)


def make_private(*paths: Path) -> None:
    """Take the permissions of group and others from files, and from directories with everything in them.

    Versions before wrote them with the umask of whoever started the panel. What is missing is skipped, and so are
    links, files of other users, and directories that everybody shares, such as `/tmp`.
    """
    for path in paths:
        if path.is_dir() and path.stat().st_mode & stat.S_ISVTX:
            continue
        for each in (path, *_inside(path)):
            # The side files of a database come and go.
            with contextlib.suppress(FileNotFoundError):
                _restrict(each)


def database_files(databases: Mapping[str, Mapping[str, Any]]) -> Iterator[Path]:
    """The files of the SQLite databases among those of Django's `DATABASES`."""
    for database in databases.values():
        if database["ENGINE"].endswith("sqlite3"):
            yield from (Path(f"{database['NAME']}{suffix}") for suffix in ("", "-wal", "-shm", "-journal"))


def _inside(directory: Path) -> Iterator[Path]:
    for parent, directories, files in os.walk(directory):
        yield from (Path(parent, name) for name in (*directories, *files))


def _restrict(path: Path) -> None:
    found = path.lstat()
    if found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode) and found.st_mode & _OF_OTHERS:
        path.chmod(stat.S_IMODE(found.st_mode) & ~_OF_OTHERS)
