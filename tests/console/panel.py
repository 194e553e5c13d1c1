"""The processes that a console passes through: the panel's web server and console process, and the provider's.

There are no workers: the account and its servers are rows made by hand.
"""

import contextlib
import http.client
import json
import os
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from hosting.management.commands.prepare import DEMO_API_PASSWORD, DEMO_LOGIN
from tests import databases
from tests.processes import Process, Provider, free_port
from tests.shell import Shell

# Of the demonstration: a server that runs, and one that is stopped.
SERVER, STOPPED_SERVER = 456, 9876
# A server of which the provider knows nothing.
NO_SERVER = 99
# Of a handshake; any will do.
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
MAKE = f"""
import json
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from tests import factories
from tests.browser.sessions import open_session

endpoint = Endpoint.objects.create(name="Provider", url=URL, extensions=["sharedeck.console"])
owner = factories.member()
account = factories.account(
    owner.team, endpoint=endpoint, login={DEMO_LOGIN!r}, handle={DEMO_LOGIN!r},
    sealed_password=seal({DEMO_API_PASSWORD!r}),
)
for number in {SERVER, STOPPED_SERVER, NO_SERVER}:
    factories.vm(account, remote_id=number)
print(json.dumps([account.pk, owner.user.email, open_session(owner.user.email)]))
"""


@dataclass
class Panel:
    """`env` overrides settings of both processes of the panel."""

    directory: Path
    provider: Provider
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = free_port()
        self.env = {
            "DATABASE_URL": databases.panel(self.directory),
            "VAR_DIR": str(self.directory),
            "BIND": f"127.0.0.1:{self.port}",
            "WEB_WORKERS": "1",
            "API_RATE_LIMIT": "0",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **self.env,
        }
        self._shell = Shell("panel.settings", {**os.environ, **self.env})
        self._shell.run(
            "from django.core.management import call_command; call_command('collectstatic', '--no-input', '-v0')"
        )
        self.account, self.email, self.session = json.loads(
            self._shell.run(MAKE.replace("URL", repr(self.provider.url)))
        )
        self.web = self._serve("web")
        self.console = self._serve("console")
        self.web.wait_for_port(self.port)
        self.wait_for_console()

    def _serve(self, name: str) -> Process:
        return Process(["tools/serve", name], self.env, self.directory / f"{name}.log")

    @property
    def socket(self) -> Path:
        return self.directory / "console.sock"

    def wait_for_console(self) -> None:
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            assert time.monotonic() < deadline, self.console.log.read_text()
            time.sleep(0.05)

    def run(self, code: str) -> str:
        return self._shell.run(code)

    def address(self, server: int = SERVER) -> str:
        return f"ws://127.0.0.1:{self.port}/accounts/{self.account}/servers/{server}/console/ws"

    def watch(self, server: int = SERVER, **headers: str | None) -> "Watcher":
        """A new person at the console of a server, as their browser would ask."""
        return Watcher(self.address(server), self._headers(headers))

    def _headers(self, other: dict[str, str | None]) -> dict[str, str]:
        sent = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={self.session}",
            "Origin": f"http://127.0.0.1:{self.port}",
            **other,
        }
        return {name: value for name, value in sent.items() if value is not None}

    def refusal(self, server: int = SERVER, **headers: str | None) -> int:
        """The status of a connection that is not let in."""
        asking = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": KEY,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", urlsplit(self.address(server)).path, headers={**asking, **self._headers(headers)})
            return connection.getresponse().status

    def entries(self) -> list[dict[str, Any]]:
        """The audit log's entries about consoles, in order."""
        found: list[dict[str, Any]] = json.loads(
            self.run(
                "import json; from hosting.teams.audit.models import AuditEntry;"
                "rows = AuditEntry.objects.filter(action__startswith='console.').order_by('sequence');"
                "print(json.dumps([{'action': row.action, 'who': row.actor.email, **row.detail} for row in rows]))"
            )
        )
        return found

    def until_closed(self, count: int) -> list[dict[str, Any]]:
        """The last so many ends in the audit log, once nobody is at a console."""
        deadline = time.monotonic() + 15
        while self.run("from hosting.viewings.models import *; print(Viewing.objects.count())").strip() != "0":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return [entry for entry in self.entries() if entry["action"] == "console.closed"][-count:]

    def stop(self) -> None:
        self._shell.stop()
        self.web.kill()
        self.console.kill()


class Watcher:
    """One person at a console. Leave it by the end of its `with` block."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._leaving = ExitStack()
        self.connection: ClientConnection = self._leaving.enter_context(
            connect(url, additional_headers=headers, compression=None, max_size=None, proxy=None)
        )
        self.seen = ""

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leaving.close()

    def until(self, text: str, seconds: float = 15) -> "Watcher":
        """Read until the text is shown, or told by the panel."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            message = self.connection.recv(max(0.0, deadline - time.monotonic()))
            self.seen += message if isinstance(message, str) else message.decode("utf-8", "replace")
        return self

    def type(self, text: str) -> None:
        self.connection.send(text.encode())

    def closed(self, seconds: float = 15) -> tuple[int, str]:
        """Read on until the panel closes; the code and the reason."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.connection.recv(max(0.0, deadline - time.monotonic()))
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
