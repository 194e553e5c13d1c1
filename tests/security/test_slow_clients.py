"""Clients that begin a request and never end it do not keep others from the panel or the provider."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from tests.processes import Provider
from tests.security.serving import serving
from tests.stack import answers

# The panel and the provider each had this many threads and one process once: a thread more was enough to stop them.
_TO_THE_PANEL, _TO_THE_PROVIDER = 8, 17
_HALF_A_HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
_HALF_A_BODY = (
    b"POST /auth/login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 500\r\n\r\nlogin="
)


@contextlib.contextmanager
def half_requests(port: int, count: int, text: bytes) -> Iterator[None]:
    """Open so many connections that begin a request and then say nothing."""
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            connection.sendall(text)
        yield


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real web server of the panel, with the least number of workers."""
    with serving(tmp_path_factory.mktemp("panel")) as port:
        yield port


@pytest.mark.parametrize("text", [_HALF_A_HEAD, _HALF_A_BODY], ids=["head", "body"])
def test_the_panel_answers_beside_eight_half_requests(panel: int, text: bytes) -> None:
    with half_requests(panel, _TO_THE_PANEL, text):
        assert [answers(f"http://127.0.0.1:{panel}/health") for _ in range(20)] == [200] * 20


@pytest.mark.parametrize(
    "text", [_HALF_A_HEAD, _HALF_A_BODY.replace(b"/auth/login/", b"/xmlrpc/")], ids=["head", "body"]
)
def test_the_provider_answers_beside_seventeen_half_requests(provider: Provider, text: bytes) -> None:
    with half_requests(provider.port, _TO_THE_PROVIDER, text):
        assert [answers(f"http://127.0.0.1:{provider.port}/health") for _ in range(20)] == [200] * 20
