"""Headers that a proxy may set, sent by a client: where the application is mounted, TLS, and the client's address."""

import runpy
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as now
from django.test import RequestFactory
from pytest_django import Settings

from hosting.web.access.origin import client_address
from tests.processes import Provider
from tests.security.serving import serving


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with serving(tmp_path_factory.mktemp("panel")) as port:
        yield port


def ask(port: int, path: str, *headers: str, form: str = "") -> str:
    """The whole answer to a GET, or to a form, with these header lines, as no HTTP library would send them."""
    lines = [f"{'POST' if form else 'GET'} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close", *headers]
    lines += [f"Content-Length: {len(form)}"] if form else []
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + form).encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


MOUNTED = ["SCRIPT_NAME: /evil", "PATH_INFO: /evil", "REMOTE_USER: owner", "Script-Name: /evil", "Path-Info: /evil"]


@pytest.mark.parametrize("header", MOUNTED)
def test_client_cannot_say_where_the_panel_is_mounted(panel: int, header: str) -> None:
    answer = ask(panel, "/accounts/", header)
    assert answer.startswith("HTTP/1.1 302"), answer
    assert "evil" not in answer
    assert "/auth/login/?next=/accounts/" in answer
    # Below the prefix there would be the same pages.
    assert not ask(panel, "/evil/accounts/", header).startswith("HTTP/1.1 302")


@pytest.mark.parametrize("header", MOUNTED)
def test_client_cannot_say_where_the_provider_is_mounted(provider: Provider, header: str) -> None:
    assert ask(provider.port, "/health", header).startswith("HTTP/1.1 200")
    assert ask(provider.port, "/evil/health", "SCRIPT_NAME: /evil").startswith("HTTP/1.1 404")


@pytest.mark.parametrize("header", ["X-Forwarded-Proto: https", "X-Forwarded-Protocol: ssl", "X-Forwarded-Ssl: on"])
def test_client_cannot_claim_tls_where_there_is_none(panel: int, header: str) -> None:
    # Over TLS Django would ask for the Referer of a form.
    token = "x" * 32
    form = f"csrfmiddlewaretoken={token}&language=fr"
    sent = [header, f"Cookie: csrftoken={token}", "Content-Type: application/x-www-form-urlencoded"]
    answer = ask(panel, "/language/setlang/", *sent, form=form)
    assert answer.startswith("HTTP/1.1 302"), answer


CASES = [
    (0, "", "192.0.2.1"),
    (0, "198.51.100.1", "192.0.2.1"),
    (0, "203.0.113.5, 198.51.100.1", "192.0.2.1"),
    (1, "", "192.0.2.1"),
    (1, "198.51.100.1", "198.51.100.1"),
    (1, "203.0.113.5, 198.51.100.1", "198.51.100.1"),
    (1, "203.0.113.5,2001:db8::7", "2001:db8::7"),
    (2, "203.0.113.5, 198.51.100.1, 198.51.100.2", "198.51.100.1"),
    # Fewer entries than proxies: it has not come through them.
    (2, "198.51.100.1", "192.0.2.1"),
    (1, "198.51.100.1, unknown", "192.0.2.1"),
    (1, "198.51.100.1, " + "x" * 300, "192.0.2.1"),
    (1, ",", "192.0.2.1"),
    (1, "198.51.100.1:4711", "198.51.100.1"),
    (1, "[2001:db8::7]:4711", "2001:db8::7"),
]


@pytest.mark.parametrize(("proxies", "said", "expected"), CASES)
def test_address_comes_from_the_trusted_proxies_alone(
    settings: Settings, proxies: int, said: str, expected: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": said} if said else {}
    request = RequestFactory().get("/", REMOTE_ADDR="192.0.2.1", headers=headers)
    assert client_address(request) == expected


@pytest.mark.parametrize(
    ("env", "expected"),
    [({}, 0), ({"HTTPS": "1"}, 1), ({"HTTPS": "1", "TRUSTED_PROXIES": "2"}, 2), ({"TRUSTED_PROXIES": "1"}, 1)],
)
def test_number_of_proxies_is_a_setting(monkeypatch: pytest.MonkeyPatch, env: dict[str, str], expected: int) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    read = runpy.run_path(str(Path(now.BASE_DIR) / "panel" / "settings.py"))
    assert read["ALLAUTH_TRUSTED_PROXY_COUNT"] == expected
