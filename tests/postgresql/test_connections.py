"""Connections to PostgreSQL: shared by threads, replaced when they break, and not waited for when a host is silent."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from hosting.teams.models import Team
from tests import databases, factories
from tests.concurrently import at_once
from tests.processes import ROOT, free_port
from tests.shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)
SERVER = os.environ[databases.SERVER]
COUNT = "from hosting.teams.models import Team; print(Team.objects.count())"


def address(tmp_path: Path, **changed: object) -> str:
    """A database of its own, at another port or with another password."""
    parts = urlsplit(databases.panel(tmp_path))
    given = {"password": parts.password, "port": parts.port, **changed}
    return parts._replace(netloc=f"{parts.username}:{given['password']}@127.0.0.1:{given['port']}").geturl()


def test_connection_notices_within_seconds_that_its_host_is_silent() -> None:
    Team.objects.count()
    assert connection.connection is not None
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as used:
        assert used.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert used.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
        idle, interval, count = (
            used.getsockopt(socket.IPPROTO_TCP, option)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        )
    assert idle + interval * count <= 15


def test_threads_one_after_another_share_connections() -> None:
    def backend() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    connection.close()
    # The pool hands out its connections in turn.
    before = {at_once(backend)[0] for _ in range(30)}
    assert len(before) < 20
    assert {at_once(backend)[0] for _ in range(30)} <= before


def test_broken_connections_are_replaced_unnoticed() -> None:
    factories.team()
    for _ in range(3):
        at_once(*[Team.objects.count] * 4)
        connection.close()
        with psycopg.connect(SERVER, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [settings.DATABASES["default"]["NAME"]],
            )
        assert at_once(*[Team.objects.count] * 4) == [1] * 4


class Gate:
    """A port that leads to the server once it is open."""

    def __init__(self) -> None:
        self.port = free_port()
        self._listening: socket.socket | None = None

    def open(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        if self._listening is not None:
            self._listening.close()

    def _accept(self) -> None:
        parts = urlsplit(SERVER)
        assert self._listening
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            other = socket.create_connection(("127.0.0.1", parts.port or 0))
            for source, target in ((one, other), (other, one)):
                threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


def test_absence_of_the_server_is_told_within_seconds_and_so_is_its_return(tmp_path: Path, gate: Gate) -> None:
    shell = Shell("panel.settings", {**os.environ, "DATABASE_URL": address(tmp_path, port=gate.port)})
    shell.run("import django.db")
    try:
        for _ in range(2):
            began = time.monotonic()
            with pytest.raises(RuntimeError, match="OperationalError"):
                shell.run(COUNT)
            assert time.monotonic() - began < 10
        gate.open()
        began = time.monotonic()
        assert shell.run(COUNT) == "0"
        assert time.monotonic() - began < 10
    finally:
        shell.stop()


@pytest.mark.parametrize(("project", "variable"), [("panel", "DATABASE_URL"), ("provider", "PROVIDER_DATABASE_URL")])
def test_start_tells_why_the_database_cannot_be_used(tmp_path: Path, project: str, variable: str) -> None:
    command = {
        "panel": ["prepare", "--settings", "panel.settings"],
        "provider": ["prepare_provider", "--settings", "hosting.provider.settings"],
    }[project]
    env = {"VAR_DIR": str(tmp_path), "PROVIDER_VAR_DIR": str(tmp_path), variable: address(tmp_path, password="wr0ng")}
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{variable}: the database can't be used" in done.stderr
    assert "password authentication failed" in done.stderr
    assert "wr0ng" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
