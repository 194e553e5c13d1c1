"""The whole product as `make run` starts it, with data, ports and secrets of its own."""

import os
import re
import secrets
import signal
import time
import urllib.error
import urllib.request
import xmlrpc.client
from dataclasses import dataclass, field
from email import message_from_string
from email.message import Message
from http import HTTPStatus
from pathlib import Path
from typing import Any

from hosting.management.commands.prepare import DEMO_API_PASSWORD, DEMO_EMAIL, DEMO_LOGIN
from panel.environment import new_secrets
from tests import databases
from tests.processes import Process, free_port, start_valkey
from tests.shell import Shell


@dataclass
class Stack:
    """Running processes. `url` is the panel; `api()` an independent client of the provider."""

    directory: Path
    process: Process
    port: int
    provider_port: int
    valkey_port: int
    # The addresses of its databases and of its Redis, where they are not the ones that `make run` makes.
    addresses: dict[str, str] = field(default_factory=dict)
    redis: Process | None = None
    provider_console_port: int = 0
    email: str = DEMO_EMAIL
    _shells: dict[str, Shell] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The demo's, as `make run` prints it."""
        found = re.search(r"Sign in with: +\S+ +/ +(\S+)", self.log)
        assert found, self.log
        return found[1]

    @property
    def log(self) -> str:
        return self.process.log.read_text(encoding="utf-8", errors="replace")

    def methods(self, since: int = 0) -> set[str]:
        """The methods that the provider has answered since its log was that long (`PROVIDER_CALLS_LOG_LEVEL`)."""
        return set(re.findall(r"hosting\.provider\.methods\.registry: ([\w.]+)", self.log[since:]))

    def mails(self, to: str) -> list[Message]:
        """The mails to an address so far, the oldest first: without a mail server they are files."""
        files = sorted((self.directory / "mail").glob("*.log"), key=lambda file: file.stat().st_mtime)
        texts = [text for file in files for text in file.read_text(encoding="utf-8").split("-" * 79 + "\n") if text]
        return [mail for mail in map(message_from_string, texts) if to in str(mail["To"])]

    def faults(self, rules: str) -> None:
        """Have the provider's calls go wrong from now on; an empty text ends that."""
        (self.directory / "faults").write_text(rules, encoding="utf-8")

    def api(self, login: str = DEMO_LOGIN, password: str = DEMO_API_PASSWORD) -> "Remote":
        return Remote(f"http://127.0.0.1:{self.provider_port}/xmlrpc/", login, password)

    def pids(self) -> dict[str, int]:
        """The processes that honcho has started, by their names in the Procfile."""
        found = {}
        for line in self.log.splitlines():
            if " started (pid=" in line:
                name = line.split("|", 1)[1].split()[0].removesuffix(".1")
                found[name] = int(line.rsplit("=", 1)[1].rstrip(")"))
        return found

    def run(self, code: str, *, provider: bool = False) -> str:
        """Run Python in the panel's project, or in the provider's, and return what it printed.

        Raises:
            RuntimeError: when it fails; the message holds what it said.
        """
        name = "hosting.provider.settings" if provider else "panel.settings"
        if name not in self._shells:
            self._shells[name] = Shell(name, self.env)
        return self._shells[name].run(code)

    @property
    def env(self) -> dict[str, str]:
        """What its processes were started with, except the secrets of its own in its directory."""
        own = {
            "VAR_DIR": str(self.directory),
            "PROVIDER_VAR_DIR": str(self.directory),
            "PORT": str(self.port),
            "PROVIDER_PORT": str(self.provider_port),
            "PROVIDER_CONSOLE_PORT": str(self.provider_console_port),
            "VALKEY_PORT": str(self.valkey_port),
            **self.addresses,
        }
        return {name: value for name, value in os.environ.items() if name not in new_secrets()} | own

    def stop(self) -> None:
        """Ctrl-C, as a person would."""
        for shell in self._shells.values():
            shell.stop()
        self.process.kill(signal.SIGINT)
        if self.redis is not None:
            self.redis.stop()


class Remote:
    """The standard library's XML-RPC client with a session: `remote.vm_list()` calls `vm_list(session)`.

    What is refused because of the rate limit was not executed, and is asked for again.
    """

    def __init__(self, url: str, login: str, password: str) -> None:
        self._proxy = xmlrpc.client.ServerProxy(url)
        self.session = str(self._proxy.login(login, password, False))

    def __getattr__(self, method: str) -> Any:
        def call(*arguments: object) -> Any:
            while True:
                try:
                    return getattr(self._proxy, method)(self.session, *arguments)
                except xmlrpc.client.ProtocolError as refused:
                    if refused.errcode != HTTPStatus.TOO_MANY_REQUESTS:
                        raise
                    time.sleep(0.2)

        return call


def start_stack(directory: Path, **env: str) -> Stack:
    """`make run` with its data in `directory`. Returns when it says that it is ready.

    In a run on PostgreSQL it has two databases and a Redis of its own there.

    Raises:
        RuntimeError: when it ends, or is not ready within two minutes; the message holds its log.
    """
    port, provider_port, valkey_port, provider_console_port = (free_port() for _ in range(4))
    addresses = {name: value for name, value in env.items() if name == "DATABASE_URL"}
    redis = None
    if databases.on_postgresql():
        password = secrets.token_urlsafe(24)
        redis = start_valkey(valkey_port, password, directory / f"redis-{valkey_port}.log")
        addresses = {
            "DATABASE_URL": env.get("DATABASE_URL") or databases.empty("panel"),
            "PROVIDER_DATABASE_URL": databases.empty("provider"),
            "REDIS_URL": f"redis://:{password}@127.0.0.1:{valkey_port}/0",
        }
    settings = {
        # The installation makes its own secrets, as a person's does.
        **dict.fromkeys(new_secrets()),
        "PORT": str(port),
        "PROVIDER_PORT": str(provider_port),
        "PROVIDER_CONSOLE_PORT": str(provider_console_port),
        "VALKEY_PORT": str(valkey_port),
        "VAR_DIR": str(directory),
        "PROVIDER_FAULTS": f"@{directory / 'faults'}",
        # Make passes these on; the test run's own must not win.
        "MAKEFLAGS": "",
        **env,
        **addresses,
    }
    process = Process(["make", "--no-print-directory", "run"], settings, directory / f"stack-{port}.log")
    stack = Stack(directory, process, port, provider_port, valkey_port, addresses, redis, provider_console_port)
    try:
        _wait_until_ready(stack)
    except BaseException:
        # Also when somebody interrupts the tests. Killed, `make` would leave behind what it has started.
        stack.stop()
        raise
    return stack


def _wait_until_ready(stack: Stack) -> None:
    deadline = time.monotonic() + 120
    while "Sharedeck is ready" not in stack.log:
        if stack.process.popen.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"make run is not ready:\n{stack.log[-6000:]}")
        time.sleep(0.1)


def answers(url: str) -> int:
    """The status that a GET of `url` is answered with; 0 when there is no answer."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
