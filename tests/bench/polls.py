"""The live poll of an open page when nothing has moved, which is what a panel serves most."""

import re
import socket
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web.answers.live import HEADER
from tests.bench.panel import Browser, Panel
from tests.bench.report import Figure, require
from tests.bench.timing import Times, timed

# Kept connections, each with one request under way; fewer than the process has threads.
_CONNECTIONS = 4
_POLLS, _PAGES, _BATCHES = 300, 10, 7


class _Line:
    """One kept connection that sends the same bytes again and again: as little work beside the server as can be."""

    def __init__(self, port: int, url: str, headers: dict[str, str]) -> None:
        lines = [
            f"GET {url} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        self._request = "\r\n".join([*lines, "", ""]).encode()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)

    def send(self) -> None:
        self._socket.sendall(self._request)

    def receive(self) -> int:
        """The status of the answer, which is read to its end."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        left = int(length.group(1)) - len(body) if length else 0
        while left > 0:
            left -= len(self._more())
        return int(head.split()[1])

    def _more(self) -> bytes:
        received = self._socket.recv(65536)
        require(received, "the panel closed a kept connection")
        return received

    def close(self) -> None:
        self._socket.close()


def measure(panel: Panel, owner: Membership, account: Account) -> Figure:
    """Requests a second of the real web server: polls answered 204, against whole pages."""
    url = reverse("servers", args=[account.pk])
    browser = Browser(panel, owner)
    version = version_of(browser.get(url))
    require(_statements(url, version, owner) == [], "a poll of a page that is still true asked the database")
    poll = {**browser.headers, "HX-Request": "true", HEADER: version}
    polls_s, pages_s = [], []
    for _ in range(_BATCHES):
        polls_s.append(timed(lambda: _ask(panel.port, url, poll, _POLLS, 204))[0])
        pages_s.append(timed(lambda: _ask(panel.port, url, browser.headers, _PAGES, 200))[0])
    return Figure(
        "live poll of the web server, nothing moved (naive: the page again)",
        "requests/s",
        _POLLS * _CONNECTIONS / Times(polls_s).median_s,
        _PAGES * _CONNECTIONS / Times(pages_s).median_s,
        "204, 0 SQL",
        higher_is_better=True,
    )


def _ask(port: int, url: str, headers: dict[str, str], times: int, wanted: int) -> None:
    lines = [_Line(port, url, headers) for _ in range(_CONNECTIONS)]
    for line in lines:
        line.send()
    for turn in range(times):
        for line in lines:
            status = line.receive()
            require(status == wanted, f"{url} was answered {status} and not {wanted}")
            if turn < times - 1:
                line.send()
    for line in lines:
        line.close()


def version_of(page: str) -> str:
    found = re.search(r'data-version="([^"]+)"', page)
    require(found, "the list of servers does not tell its version")
    return found.group(1) if found else ""


def _statements(url: str, version: str, owner: Membership) -> list[str]:
    """The SQL of such a poll, which only the process itself can tell: asked here, in this one."""
    statements: list[str] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        statements.append(sql)
        return execute(sql, params, many, context)

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(owner.user)
    with connection.execute_wrapper(note):
        status = client.get(url, headers={"HX-Request": "true", HEADER: version}).status_code
    require(status == 204, f"a poll of a page that is still true answered {status}")
    return statements
