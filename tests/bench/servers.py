"""The web servers under load, as they are configured and as one process with many threads (the naive way).

Both run on the same database, one after the other and again, because other work shares the machine. The load
generator is one more process on the same processors.
"""

import contextlib
import statistics
import sys
import xmlrpc.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web.answers.live import HEADER
from tests.bench import fleet, load
from tests.bench.polls import version_of
from tests.bench.report import Figure, Target, at_least, require
from tests.bench.scratch import Remote
from tests.processes import Process, free_port
from tests.stack import answers

_ROUNDS, _SECONDS, _WARM_UP_S = 3, 3.0, 2.0
_PANEL_CLIENTS, _PROVIDER_CLIENTS = 8, 16
_ONE_PROCESS = ["--workers", "1", "--log-level", "warning", "--no-control-socket"]
_OURS, _NAIVE = "as configured", "one process"
# The naive way works on as many requests at once as it has threads.
_PANEL = {
    _OURS: ["-c", "python:panel.serving", "panel.wsgi"],
    _NAIVE: ["tests.bench.plain_panel", "--threads", "8", *_ONE_PROCESS],
}
_PROVIDER = {
    _OURS: ["-c", "python:hosting.provider.serving", "hosting.provider.wsgi"],
    _NAIVE: ["tests.bench.plain_provider", "--threads", "16", "--keep-alive", "75", *_ONE_PROCESS],
}


@dataclass
class _Measured:
    """Rounds of one load on both servers."""

    per_s: dict[str, list[float]] = field(default_factory=dict)
    p95_ms: dict[str, list[float]] = field(default_factory=dict)

    def add(self, server: str, result: load.Load) -> None:
        self.per_s.setdefault(server, []).append(result.requests_per_s)
        self.p95_ms.setdefault(server, []).append(result.times.p95_ms)

    def medians(self, of: dict[str, list[float]]) -> tuple[float, float]:
        return statistics.median(of[_OURS]), statistics.median(of[_NAIVE])


@contextlib.contextmanager
def _serving(arguments: list[str], env: dict[str, str], directory: Path) -> Iterator[int]:
    """A running gunicorn's port, with every process of it warm."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", *arguments, "--bind", f"127.0.0.1:{port}"]
    server = Process(command, {"PYTHONWARNINGS": "ignore", "GUNICORN_CMD_ARGS": "", **env}, directory / "servers.log")
    try:
        server.wait_for_port(port)
        require(answers(f"http://127.0.0.1:{port}/health") == 200, f"{arguments} does not answer")
        yield port
    finally:
        server.stop()


def _rounds(
    servers: dict[str, list[str]], env: dict[str, str], directory: Path, loads: dict[str, Callable[..., load.Load]]
) -> dict[str, _Measured]:
    measured = {name: _Measured() for name in loads}
    for _ in range(_ROUNDS):
        for server, arguments in servers.items():
            with _serving(arguments, env, directory) as port:
                next(reversed(loads.values()))(port, seconds=_WARM_UP_S)
                for name, run in loads.items():
                    measured[name].add(server, run(port, seconds=_SECONDS))
    return measured


def _head(method: str, url: str, headers: dict[str, str]) -> str:
    lines = [f"{method} {url} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""])


def measure_panel(owner: Membership, account: Account) -> list[Figure]:
    """The server list with one client and with eight, and polls of it when nothing has moved."""
    directory = Path(settings.VAR_DIR)
    if not (directory / "static" / "staticfiles.json").exists():
        call_command("collectstatic", interactive=False, verbosity=0)
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner.user)
    url = reverse("servers", args=[account.pk])
    cookie = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"}
    page = _head("GET", url, cookie)
    version = version_of(client.get(url).content.decode())
    poll = _head("GET", url, {**cookie, "HX-Request": "true", HEADER: version})

    def asking(request: str, connections: int, status: int) -> Callable[..., load.Load]:
        return partial(load.run, request=request, connections=connections, status=status)

    measured = _rounds(
        _PANEL,
        {},
        directory,
        {
            "polls": asking(poll, _PANEL_CLIENTS, 204),
            "one": asking(page, 1, 200),
            "eight": asking(page, _PANEL_CLIENTS, 200),
        },
    )
    return [
        *_figures("server list of 1,000 rows, 1 client", measured["one"]),
        *_figures("server list of 1,000 rows, 8 clients", measured["eight"], times=4),
        _throughput("idle polls, 8 clients", measured["polls"], at_least_per_s=1300),
    ]


def measure_provider(remote: Remote, handle: str) -> list[Figure]:
    """`vm_info` for sixteen clients, on the database of the provider that runs anyway."""
    proxy = xmlrpc.client.ServerProxy(remote.provider.url)
    session = proxy.login(handle, fleet.PASSWORD, False)
    vm_ids = proxy.vm_list(session)
    require(isinstance(vm_ids, list) and vm_ids, "the provider has no servers")
    body = xmlrpc.client.dumps((session, vm_ids[0]), "vm_info")  # type: ignore[index]
    head = _head("POST", "/xmlrpc/", {"Content-Type": "text/xml", "Content-Length": str(len(body))})
    run = partial(load.run, request=head + body, connections=_PROVIDER_CLIENTS, status=200)
    env = {**remote.provider.env, "PROVIDER_LATENCY_MS": "0"}
    measured = _rounds(_PROVIDER, env, remote.provider.directory, {"vm_info": run})
    return [_throughput("vm_info of the provider, 16 clients", measured["vm_info"], times=2.5)]


def _throughput(what: str, measured: _Measured, *, times: float = 0, at_least_per_s: float = 0) -> Figure:
    ours, naive = measured.medians(measured.per_s)
    ours_p95, naive_p95 = measured.medians(measured.p95_ms)
    target: Target | None = None
    if times:
        target = Target(f"≥ {times:g} times", ours >= times * naive)
    elif at_least_per_s:
        target = at_least(at_least_per_s, ours, "requests/s")
    note = f"p95 {ours_p95:.0f} ms against {naive_p95:.0f} ms; naive: one process with threads"
    return Figure(what, "requests/s", ours, naive, note, higher_is_better=True, target=target)


def _figures(what: str, measured: _Measured, *, times: float = 0) -> list[Figure]:
    ours, naive = measured.medians(measured.p95_ms)
    target = Target(f"≤ 1/{times:g}", ours * times <= naive) if times else None
    return [
        _throughput(what, measured, times=times),
        Figure(f"{what}, p95", "ms", ours, naive, "naive: one process with threads", target=target),
    ]
