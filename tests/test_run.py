"""`make run` as its user meets it."""

import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from panel.environment import new_secrets, port_problem, write_env_file
from tests.processes import ROOT, Process, free_port
from tests.safekeeping.test_files import readable
from tests.stack import answers, start_stack

PORTS = ("PORT", "PROVIDER_PORT", "PROVIDER_CONSOLE_PORT", "VALKEY_PORT")
# Make ends itself by the signal, which a shell shows as 130.
ENDED_BY_CTRL_C = {0, 130, -signal.SIGINT}


def people(directory: Path) -> list[tuple[str]]:
    with sqlite3.connect(directory / "panel.sqlite3") as database:
        return database.execute("SELECT email FROM hosting_user").fetchall()


def make_run(**settings: str) -> "subprocess.CompletedProcess[str]":
    """A start that should end by itself."""
    return subprocess.run(
        ["make", "--no-print-directory", "run"],
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": "", **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.timeout(300)
def test_process_crash_stops_the_rest_and_a_restart_keeps_the_data(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    stack = start_stack(tmp_path)
    assert answers(f"{stack.url}/health") == 200
    assert answers(f"http://127.0.0.1:{stack.provider_port}/health") == 200
    assert answers(f"http://127.0.0.1:{stack.provider_console_port}/health") == 200
    password = stack.password
    os.kill(stack.pids()["background"], signal.SIGKILL)
    assert stack.process.popen.wait(timeout=30) != 0
    assert "background.1 stopped (rc=-9)" in stack.log
    assert answers(f"{stack.url}/health") == 0
    assert {"env", "panel", "provider", "beat"} <= {file.name.partition(".")[0] for file in tmp_path.iterdir()}
    assert readable(tmp_path) == []
    before = people(tmp_path)
    assert before

    again = start_stack(tmp_path)
    try:
        assert answers(f"{again.url}/health") == 200
        assert people(tmp_path) == before
        assert again.password == password
        second = make_run(VAR_DIR=str(tmp_path), PORT=str(free_port()), PROVIDER_PORT=str(free_port()))
        assert second.returncode != 0
        assert f"Sharedeck already runs here ({again.url}/, pid " in second.stderr
        assert "VAR_DIR=" in second.stderr
        assert answers(f"{again.url}/health") == 200
    finally:
        again.stop()
    assert again.process.popen.returncode in ENDED_BY_CTRL_C
    assert "***" not in again.log
    assert "Installing" not in again.log
    assert "Fetching" not in again.log
    assert answers(f"{again.url}/health") == 0
    assert "Traceback" not in again.log


@pytest.mark.timeout(300)
def test_start_without_the_demo_says_how_to_create_a_login(tmp_path: Path) -> None:
    stack = start_stack(tmp_path, DEMO="0")
    try:
        assert people(tmp_path) == []
        assert "manage.py create_owner" in stack.log
        created = subprocess.run(
            [sys.executable, "manage.py", "create_owner", "ada@example.org"],
            cwd=ROOT,
            env=stack.env,
            capture_output=True,
            text=True,
            check=True,
        )
        link = created.stdout.split()[-1]
        assert link.startswith(f"{stack.url}/auth/password/reset/key/")
        assert answers(link) == 200
        assert link not in stack.log
    finally:
        stack.stop()


def test_ctrl_c_before_the_processes_start_is_quiet_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    ports = {name: str(free_port()) for name in PORTS}
    env = {**ports, "VAR_DIR": str(tmp_path), "MAKEFLAGS": ""}
    run = Process(["make", "--no-print-directory", "run"], env, log)
    deadline = time.monotonic() + 60
    # The databases are being migrated.
    while not (tmp_path / "panel.sqlite3").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill(signal.SIGINT)
    assert run.popen.returncode in ENDED_BY_CTRL_C
    assert "***" not in log.read_text()
    assert "Traceback" not in log.read_text()


def test_failed_install_step_shows_its_log(tmp_path: Path) -> None:
    run = subprocess.run(
        [ROOT / "tools" / "logged", "Installing packages…", "echo no such package; exit 3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode != 0
    assert run.stdout == "Installing packages…\n"
    assert f"{tmp_path}/var/install.log" in run.stderr
    assert "no such package" in run.stderr


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = make_run(VAR_DIR=str(tmp_path), PORT=str(port))
    assert run.returncode != 0
    assert f"Port {port} is taken by another program" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"PORT": "abc"}, "PORT=abc is not a port"),
        ({"PORT": "18765", "VALKEY_PORT": "18765"}, "PORT and VALKEY_PORT are both 18765"),
        ({"REDIS_URL": "http://127.0.0.1:1/"}, "REDIS_URL is no address of Redis"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "REDIS_URL: Redis can't be used"),
        ({"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}, "DATABASE_URL: the database can't be used"),
        ({"DATABASE_URL": "sqlite:////proc/panel.sqlite3"}, "DATABASE_URL: the database can't be used"),
    ],
    ids=str,
)
def test_wrong_settings_end_in_a_sentence_that_names_the_variable(
    tmp_path: Path, settings: dict[str, str], words: str
) -> None:
    ports = {name: str(free_port()) for name in PORTS}
    run = make_run(**{"VAR_DIR": str(tmp_path), **ports, **settings})
    assert run.returncode != 0
    assert words in run.stderr
    assert "Traceback" not in run.stderr + run.stdout


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
