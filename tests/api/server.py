"""A small real HTTP server, with real sockets, that misbehaves on demand."""

import contextlib
import socket
import ssl
import struct
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Script = Callable[[socket.socket, bytes], bool]
"""What to do with a connection and a request's body; True keeps the connection."""


def reply(value: object) -> bytes:
    """An XML-RPC response, made by the standard library."""
    # Cast: the library takes any plain value, its stubs name a narrower type.
    marshalled: Any = (value,)
    return xmlrpc.client.dumps(marshalled, methodresponse=True, allow_none=True).encode()


def fault(code: int, text: str) -> bytes:
    """An XML-RPC fault."""
    return xmlrpc.client.dumps(xmlrpc.client.Fault(code, text)).encode()


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole HTTP response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Script:
    """Always the same response."""

    def script(sock: socket.socket, _request: bytes) -> bool:
        sock.sendall(http(body, status, *headers))
        return True

    return script


def send(data: bytes) -> Script:
    """Just these bytes, then close."""

    def script(sock: socket.socket, _request: bytes) -> bool:
        sock.sendall(data)
        return False

    return script


def send_in_parts(data: bytes, pause_s: float) -> Script:
    """One byte at a time, then close."""

    def script(sock: socket.socket, _request: bytes) -> bool:
        for byte in data:
            sock.sendall(bytes([byte]))
            time.sleep(pause_s)
        return False

    return script


def reset(sock: socket.socket) -> None:
    """Close with a TCP reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@dataclass
class Server:
    """Listens on a loopback port and follows its scripts; counts what it saw."""

    script: Script = field(default_factory=lambda: answer(reply(1)))
    on_accept: Callable[[socket.socket], bool] = lambda _sock: True
    tls: ssl.SSLContext | None = None
    accepted: int = 0
    requests: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self.listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/xmlrpc/"
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def calls(self) -> list[tuple[str, tuple[object, ...]]]:
        """Method and parameters of every request, decoded by the standard library."""
        decoded = [xmlrpc.client.loads(body, use_builtin_types=True) for body in self.requests]
        return [(method or "", params) for params, method in decoded]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every open connection."""
        for sock in self.open:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self.open.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with self._lock:
            self.accepted += 1
            self.open.append(sock)
        with contextlib.suppress(OSError, ValueError):
            if not self.on_accept(sock):
                sock.close()
                return
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self.open.append(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            source = sock.makefile("rb")
            while self._one(sock, source):
                pass
            source.close()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _one(self, sock: socket.socket, source: Any) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = source.readline()
            if not line:
                return False
            head += line
        length = next(
            int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length:")
        )
        body = source.read(length)
        with self._lock:
            self.heads.append(head)
            self.requests.append(body)
        return self.script(sock, body)


@contextlib.contextmanager
def serving(**options: Any) -> Iterator[Server]:
    """A server for the time of a `with`."""
    server = Server(**options)
    try:
        yield server
    finally:
        server.close()
