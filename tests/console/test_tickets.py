"""Where an endpoint may lead its consoles to."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pytest_django import Settings

from hosting.accounts.models import Endpoint
from hosting.console import wires
from hosting.console.tickets import NoConsoleError, is_of
from hosting.viewings.lifecycle import End

PLAIN, TLS = Endpoint(url="http://api.example.net:8010/xmlrpc/"), Endpoint(url="https://api.example.net/xmlrpc/")


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (PLAIN, "ws://api.example.net:8011/console/x"),
        (PLAIN, "wss://api.example.net/console/x"),
        (PLAIN, "ws://API.example.net/console/x"),
        (TLS, "wss://api.example.net:8443/console/x"),
        (TLS, "wss://consoles.example.net/x"),
    ],
)
def test_console_at_the_endpoints_own_host_or_a_named_one_is_followed(
    endpoint: Endpoint, url: str, settings: Settings
) -> None:
    settings.CONSOLE_HOSTS = ["Consoles.example.net"]
    assert is_of(endpoint, url)


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        (TLS, "ws://api.example.net/console/x"),
        (PLAIN, "http://api.example.net/console/x"),
        (PLAIN, "ws://elsewhere.example/console/x"),
        (PLAIN, "ws://127.0.0.1/console/x"),
        (PLAIN, "ws://api.example.net@elsewhere.example/x"),
        (PLAIN, "ws://elsewhere.example@api.example.net/x"),
        (PLAIN, "ws://:secret@api.example.net/x"),
        (PLAIN, "ws://api.example.net.elsewhere.example/x"),
        (PLAIN, "ws://api.example.net:99999/x"),
        (PLAIN, "ws://[api.example.net/x"),
        (PLAIN, "ws:///x"),
        (PLAIN, "//api.example.net/x"),
        (PLAIN, ""),
    ],
)
def test_console_elsewhere_is_not_followed(endpoint: Endpoint, url: str) -> None:
    assert not is_of(endpoint, url)


class Redirecting(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Print nothing."""


@pytest.fixture
def redirecting() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Redirecting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_redirect_is_not_followed(redirecting: HTTPServer) -> None:
    with pytest.raises(NoConsoleError) as refused:
        asyncio.run(wires.to_provider(f"ws://127.0.0.1:{redirecting.server_port}/console/x"))
    assert refused.value.end == End.REFUSED
    assert Redirecting.asked == ["/console/x"]


def test_host_that_takes_no_connection_does_not_answer() -> None:
    with pytest.raises(NoConsoleError) as refused:
        asyncio.run(wires.to_provider("ws://127.0.0.1:9/console/x"))
    assert refused.value.end == End.NO_ANSWER
