"""The panel's real processes, started as the Procfile says."""

import contextlib
import shlex
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import psutil
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.test import Client

from hosting.teams.models import Membership
from tests.bench.report import require
from tests.bench.timing import wait_until
from tests.processes import ROOT, Process, free_port

NAMES = ("web", "worker", "background", "listener", "beat")
_CSRF = "b" * 32


@dataclass
class Panel:
    """The running processes by their names in the Procfile."""

    port: int
    processes: dict[str, Process]


@contextlib.contextmanager
def running_panel(**env: str) -> Iterator[Panel]:
    """Start the panel on the bench's database, and return when each process takes work."""
    logs = Path(settings.VAR_DIR)
    if not (logs / "static" / "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    port = free_port()
    settings_of_all = {"PORT": str(port), "BIND": f"127.0.0.1:{port}", "PYTHONWARNINGS": "ignore", **env}
    with contextlib.ExitStack() as running:
        processes = {}
        for name, command in _commands(settings_of_all["BIND"]).items():
            processes[name] = Process(command, settings_of_all, logs / f"{name}.log")
            running.callback(processes[name].kill)
        processes["web"].wait_for_port(port)
        require(wait_until(lambda: len(current_app.control.ping(timeout=0.5) or ()) == 2, 60), "no worker answers")
        yield Panel(port, processes)


def _commands(bind: str) -> dict[str, list[str]]:
    commands = {}
    for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(": ")
        if name in NAMES:
            program, *arguments = shlex.split(command.removeprefix("exec ").replace("$BIND", bind))
            commands[name] = [sys.executable, *(() if program == "python" else ("-m", program)), *arguments]
    require(set(commands) == set(NAMES), f"the Procfile has no {set(NAMES) - set(commands)}")
    return commands


class Browser:
    """What a member's browser sends, on one kept connection."""

    def __init__(self, panel: Panel, owner: Membership) -> None:
        client = Client()
        client.force_login(owner.user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; csrftoken={_CSRF}"}
        self._connection = HTTPConnection("127.0.0.1", panel.port, timeout=30)

    def get(self, url: str) -> str:
        return self._ask("GET", url, 200)

    def press(self, url: str) -> None:
        """Press a button of a list: one POST with a nonce of its own."""
        self._ask("POST", url, 303, f"nonce={uuid.uuid4()}")

    def _ask(self, method: str, url: str, wanted: int, body: str | None = None) -> str:
        headers = {**self.headers, "X-CSRFToken": _CSRF, "Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request(method, url, body, headers)
        response = self._connection.getresponse()
        content = response.read().decode()
        require(response.status == wanted, f"{method} {url} was answered {response.status}")
        return content


def peak_mb(pid: int) -> float:
    """The most memory that a process has held (VmHWM), in MB: of its tree, the largest one."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(_high_water_kb(each.pid) for each in processes) / 1024


def _high_water_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
