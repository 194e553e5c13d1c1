"""The page of a server's console, and who may open its WebSocket. The way through all processes: `tests/console`."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.api import CONSOLE
from hosting.inventory.models import Vm
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.viewings import lifecycle
from hosting.viewings.models import Viewing
from tests import factories

HANDSHAKE = {
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "keep-alive, Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_ORIGIN": "http://testserver",
}


@pytest.fixture
def vm(account: Account) -> Vm:
    account.endpoint.extensions = [CONSOLE]
    account.endpoint.save()
    return factories.vm(account, "web-1")


@pytest.fixture
def process(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    """Stands at the place of the console process, and takes what is handed over."""
    settings.CONSOLE_SOCKET = str(tmp_path_factory.mktemp("process") / "console.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(settings.CONSOLE_SOCKET)
        listener.listen()
        listener.settimeout(5)
        yield listener


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A browser's end and the web server's end of a connection."""
    browser, server = socket.socketpair()
    browser.settimeout(5)
    with browser, server:
        yield browser, server


def address(vm: Vm) -> str:
    return reverse("server_console_connection", args=[vm.account_id, vm.remote_id])


def page_of(vm: Vm) -> str:
    return reverse("server_console", args=[vm.account_id, vm.remote_id])


def shake_hands(browser: Client, vm: Vm, connection: tuple[socket.socket, socket.socket], **other: Any) -> Any:
    sent = {**HANDSHAKE, "gunicorn.socket": connection[1], **other}
    response: Any = browser.get(address(vm), **{name: value for name, value in sent.items() if value is not None})
    return response


def test_connection_is_handed_over_once_the_answer_is_sent(
    browser: Client, vm: Vm, process: socket.socket, connection: tuple[socket.socket, socket.socket]
) -> None:
    response = shake_hands(browser, vm, connection)
    assert response.status_code == 101
    # The example of RFC 6455, 1.3.
    assert response["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    # The test client has closed the answer, as the web server does when it has sent the headers.
    with process.accept()[0] as sender:
        message, files, _flags, _from = socket.recv_fds(sender, 1024, 1)
    assert message == f'{{"viewing": {Viewing.objects.get().pk}}}'.encode()
    with socket.socket(fileno=files[0]) as handed_over:
        handed_over.sendall(b"shown")
        assert connection[0].recv(99) == b"shown"
    # The web server sees a client that has hung up.
    assert connection[1].recv(99) == b""
    (entry,) = AuditEntry.objects.filter(action="console.opened")
    assert (entry.thing, entry.subject) == (f"vm:{vm.remote_id}", "web-1")


@pytest.mark.parametrize(
    "origin", ["https://testserver", "http://testserver:81", "http://elsewhere.example", "null", None]
)
def test_pages_of_other_origins_open_no_console(
    browser: Client,
    vm: Vm,
    process: socket.socket,
    connection: tuple[socket.socket, socket.socket],
    origin: str | None,
) -> None:
    assert shake_hands(browser, vm, connection, HTTP_ORIGIN=origin).status_code == 403
    assert not Viewing.objects.exists()


def test_trusted_origins_open_consoles(
    browser: Client,
    vm: Vm,
    process: socket.socket,
    connection: tuple[socket.socket, socket.socket],
    settings: Settings,
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://panel.example.net"]
    response = shake_hands(browser, vm, connection, HTTP_ORIGIN="https://panel.example.net")
    assert response.status_code == 101


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_UPGRADE", "h2c"),
        ("HTTP_CONNECTION", "keep-alive"),
        ("HTTP_SEC_WEBSOCKET_VERSION", "8"),
        ("HTTP_SEC_WEBSOCKET_KEY", "short"),
        ("HTTP_SEC_WEBSOCKET_KEY", None),
        ("gunicorn.socket", None),
    ],
)
def test_request_that_is_no_handshake_is_told_to_upgrade(
    browser: Client,
    vm: Vm,
    process: socket.socket,
    connection: tuple[socket.socket, socket.socket],
    name: str,
    value: str | None,
) -> None:
    response = shake_hands(browser, vm, connection, **{name: value})
    assert (response.status_code, response["Upgrade"], response.content) == (426, "websocket", b"lost")
    assert not Viewing.objects.exists()


def test_without_the_console_process_nothing_is_recorded(
    browser: Client, vm: Vm, connection: tuple[socket.socket, socket.socket], settings: Settings, tmp_path: Path
) -> None:
    settings.CONSOLE_SOCKET = str(tmp_path / "nobody.sock")
    assert shake_hands(browser, vm, connection).status_code == 503
    assert browser.get(address(vm)).content == b"unavailable"
    assert not Viewing.objects.exists()


def test_one_person_opens_so_many_consoles_and_no_more(
    browser: Client,
    vm: Vm,
    owner: Membership,
    process: socket.socket,
    connection: tuple[socket.socket, socket.socket],
) -> None:
    for _ in range(lifecycle.MOST_OF_A_PERSON):
        lifecycle.begin(by=owner, account=vm.account, vm_remote_id=vm.remote_id, subject="web-1", session="s")
    assert shake_hands(browser, vm, connection).status_code == 429
    assert browser.get(address(vm)).content == b"too_many"


def test_endpoint_without_the_extension_has_no_console(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    assert browser.get(page_of(vm)).status_code == 404
    assert browser.get(address(vm)).status_code == 404
    assert page_of(vm) not in browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()


def test_installation_without_extensions_has_no_console(browser: Client, vm: Vm, settings: Settings) -> None:
    settings.API_EXTENSIONS = False
    assert browser.get(page_of(vm)).status_code == 404


def test_stopped_server_is_named_and_can_be_started(browser: Client, vm: Vm) -> None:
    assert page_of(vm) in browser.get(reverse("server", args=[vm.account_id, vm.remote_id])).content.decode()
    start = reverse("server_start", args=[vm.account_id, vm.remote_id])
    assert start not in browser.get(page_of(vm)).content.decode()
    Vm.objects.update(state=Vm.State.HALTED)
    page = browser.get(page_of(vm)).content.decode()
    assert start in page
    assert "Start the server to use its console" in page


def test_server_that_is_gone_has_no_console(browser: Client, vm: Vm) -> None:
    Vm.objects.all().delete()
    assert browser.get(page_of(vm)).status_code == 404
    assert browser.get(address(vm)).status_code == 404
