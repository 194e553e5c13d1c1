"""A private cluster of Debian's PostgreSQL: in a directory of its own, on a free port of this machine."""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from tests.processes import free_port

# Debian keeps the programs of each version apart, and off the path.
_VERSIONS = Path("/usr/lib/postgresql")
_ADMIN, _ROLE = "administrator", "sharedeck"
# Nothing outlives the cluster, so nothing is flushed to the disk. Locks, constraints and plans are as ever.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
max_connections = 200
shared_buffers = 256MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum_naptime = 5s
deadlock_timeout = 200ms
log_lock_waits = on
log_min_messages = warning
log_line_prefix = '%m [%p] %d '
"""
_READY_WITHIN_S = 60


@contextlib.contextmanager
def cluster(user: str = "postgres") -> Iterator[tuple[str, Path]]:
    """Run a cluster while the block does. The address of a database of an ordinary role that may create others, and
    the file of the server's log.

    PostgreSQL refuses to be started by root: root starts it as `user`. It ends with this process, however that ends.

    Raises:
        RuntimeError: it does not start; the message holds its log.
    """
    directory = Path(tempfile.mkdtemp(prefix="sharedeck-postgresql-"))
    start: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam(user)
        os.chown(directory, account.pw_uid, account.pw_gid)
        start = ["--reuid", user, "--regid", str(account.pw_gid), "--clear-groups"]
    try:
        with _running(directory, start) as running:
            yield running
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextlib.contextmanager
def _running(directory: Path, as_user: Sequence[str]) -> Iterator[tuple[str, Path]]:
    port, admin_password, password = free_port(), secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    data, log = directory / "data", directory / "log"
    _initialise(data, as_user, admin_password)
    with (data / "postgresql.conf").open("a") as file:
        file.write(_CONFIGURATION.format(port=port))
    with log.open("wb") as output:
        # Without a terminal's Ctrl-C, which is for the tests: those still need their databases to end.
        server = subprocess.Popen(
            ["setpriv", *as_user, "--pdeathsig", "QUIT", _program("postgres"), "-D", str(data)],
            cwd=directory,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        admin = f"postgres://{_ADMIN}:{admin_password}@127.0.0.1:{port}/postgres"
        _create_role(admin, password, server, log)
        yield f"postgres://{_ROLE}:{password}@127.0.0.1:{port}/{_ROLE}", log
    finally:
        _stop(server)


def _initialise(data: Path, as_user: Sequence[str], password: str) -> None:
    """Make the cluster. It sorts as people do, like most servers: a test that relies on the order of bytes fails."""
    locale = ["--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"]
    file = data.parent / "password"
    file.touch(mode=0o600)
    shutil.chown(file, data.parent.stat().st_uid)
    file.write_text(password)
    command = ["setpriv", *as_user, _program("initdb"), "-D", str(data), "--username", _ADMIN, *locale]
    subprocess.run(
        [*command, "--auth", "scram-sha-256", "--pwfile", str(file), "--no-sync"],
        cwd=data.parent,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    file.unlink()


def _create_role(admin: str, password: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while True:
        try:
            with psycopg.connect(admin, autocommit=True) as connection:
                role = Identifier(_ROLE)
                connection.execute(SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, Literal(password)))
                connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(role, role))
                return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text()[-4000:]}") from None
            time.sleep(0.1)


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End it without waiting for clients, and by force if that takes long."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=20)


def deadlocks(log: Path) -> str:
    """What the server's log tells of deadlocks that it had to end."""
    lines = log.read_text(errors="replace").splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if "deadlock detected" in line]
    return "".join("".join(lines[number : number + 8]) for number in found)


def _program(name: str) -> str:
    """The newest PostgreSQL's program of this name.

    Raises:
        RuntimeError: Debian's package `postgresql` is not installed.
    """
    versions = sorted(_VERSIONS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    if not versions:
        raise RuntimeError("PostgreSQL is missing: make test-postgres installs it, or says what to install")
    return str(versions[-1])
