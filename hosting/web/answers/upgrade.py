"""Turn a request into a WebSocket, and hand its connection over to the console process.

A page answers in milliseconds and a console stays open for hours, so no thread of the web server may hold one. The view
decides as any other; then the open socket goes to the console process, by a Unix socket (SCM_RIGHTS).

Decision: docs/decisions/0041-consoles-are-handed-over.md
"""

import base64
import binascii
import json
import os
import socket
import ssl
from hashlib import sha1

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

# RFC 6455, 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_VERSION = "13"
_KEY_BYTES = 16
# The console process takes connections at once, or not at all.
_CONNECT_S = 1.0


class NoConsoleProcessError(Exception):
    """The console process does not answer."""


def is_asked_for(request: HttpRequest) -> bool:
    """Whether the request is the opening handshake of a WebSocket, on a connection that can be handed over."""
    sent = request.headers
    named = {word.strip().lower() for word in sent.get("Connection", "").split(",")}
    connection = request.META.get("gunicorn.socket")
    return (
        request.method == "GET"
        and sent.get("Upgrade", "").lower() == "websocket"
        and "upgrade" in named
        and sent.get("Sec-WebSocket-Version") == _VERSION
        and _is_key(sent.get("Sec-WebSocket-Key", ""))
        and isinstance(connection, socket.socket)
        and not isinstance(connection, ssl.SSLSocket)
    )


def is_from_here(request: HttpRequest) -> bool:
    """Whether a page of the panel itself asks: browsers send cookies along for pages of any site, and let them read.

    The same origins as for forms: the request's own scheme and host, and `CSRF_TRUSTED_ORIGINS`.
    """
    if "Origin" not in request.headers:
        return False
    rules = CsrfViewMiddleware(lambda _request: HttpResponse())
    return bool(rules._origin_verified(request))  # type: ignore[attr-defined]


def connect() -> socket.socket:
    """Connect to the console process.

    Raises:
        NoConsoleProcessError: it does not run.
    """
    to_process = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        to_process.settimeout(_CONNECT_S)
        to_process.connect(str(settings.CONSOLE_SOCKET))
    except OSError:
        to_process.close()
        raise NoConsoleProcessError from None
    return to_process


class SwitchingProtocols(HttpResponse):
    """The answer to a handshake (101). Once it is sent, the connection belongs to the console process."""

    status_code = 101

    def __init__(self, request: HttpRequest, to_process: socket.socket, viewing_id: int) -> None:
        super().__init__(
            headers={
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Accept": _accept(request.headers["Sec-WebSocket-Key"]),
            }
        )
        self._connection: socket.socket = request.META["gunicorn.socket"]
        self._to_process = to_process
        self._viewing_id = viewing_id

    def close(self) -> None:
        """Hand the connection over. The web server calls this when it has sent the headers."""
        super().close()
        with self._to_process:
            try:
                socket.send_fds(
                    self._to_process, [json.dumps({"viewing": self._viewing_id}).encode()], [self._connection.fileno()]
                )
            finally:
                _hang_up(self._connection)


def _hang_up(connection: socket.socket) -> None:
    """Let the web server see a client that has hung up: what it does to the connection now must not reach it."""
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        os.dup2(ours.fileno(), connection.fileno(), inheritable=False)


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _accept(key: str) -> str:
    # The hash of the handshake, which protects nothing (RFC 6455, 4.2.2).
    return base64.b64encode(sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()
