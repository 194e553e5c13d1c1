"""`make run` as its user meets it."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from panel.environment import new_secrets, port_problem, write_env_file
from tests.processes import ROOT, free_port
from tests.stack import answers, start_stack


def people(directory: Path) -> list[tuple[str]]:
    with sqlite3.connect(directory / "panel.sqlite3") as database:
        return database.execute("SELECT email FROM hosting_user").fetchall()


@pytest.mark.timeout(300)
def test_process_crash_stops_the_rest_and_a_restart_keeps_the_data(tmp_path: Path) -> None:
    stack = start_stack(tmp_path)
    assert answers(f"{stack.url}/health") == 200
    assert answers(f"http://127.0.0.1:{stack.provider_port}/health") == 200
    password = stack.password
    os.kill(stack.pids()["mirror"], signal.SIGKILL)
    assert stack.process.popen.wait(timeout=30) != 0
    assert "mirror.1 stopped (rc=-9)" in stack.log
    assert answers(f"{stack.url}/health") == 0
    before = people(tmp_path)
    assert before

    again = start_stack(tmp_path)
    try:
        assert answers(f"{again.url}/health") == 200
        assert people(tmp_path) == before
        assert again.password == password
    finally:
        again.stop()
    assert answers(f"{again.url}/health") == 0
    assert "Traceback" not in again.log


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run(
            ["make", "--no-print-directory", "run"],
            cwd=ROOT,
            env={**os.environ, "MAKEFLAGS": "", "PORT": str(port), "VAR_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert run.returncode != 0
    assert f"Port {port} is taken by another program" in run.stderr
    assert "Traceback" not in run.stderr


def test_non_numeric_port_is_a_clear_error() -> None:
    assert "not a port" in (port_problem("PORT", "http") or "")
    assert "not a port" in (port_problem("PORT", "0") or "")
    assert port_problem("PORT", str(free_port())) is None


def test_secrets_are_written_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "env"
    assert write_env_file(file)
    written = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not write_env_file(file)
    assert file.read_text() == written
    assert new_secrets()["SECRET_KEY"] not in written
