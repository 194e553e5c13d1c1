"""An HTTP connection whose reads and writes all end by a deadline, however slowly the server sends."""

import io
import ssl
import time
from http.client import HTTPConnection as PlainConnection
from http.client import HTTPResponse
from socket import socket
from typing import Any

import urllib3.connection

Buffer = bytes | bytearray | memoryview


class _Reader(io.RawIOBase):
    """A socket's bytes; each read waits no longer than the connection's deadline."""

    def __init__(self, sock: socket, connection: "Timed") -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._connection = connection

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._sock.settimeout(self._connection.time_left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        super().close()
        self._raw.close()


class _Source:
    """What `http.client` asks for a file to read a response from."""

    def __init__(self, sock: socket, connection: "Timed") -> None:
        self._sock = sock
        self._connection = connection

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._connection))


class Timed(urllib3.connection.HTTPConnection):
    """urllib3's connection, which connects, with the standard library's response, which logs nothing."""

    deadline = 0.0

    def time_left_s(self) -> float:
        """Seconds until the deadline. Raises `TimeoutError` when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("deadline passed")
        return left

    def send(self, data: Any) -> None:
        """Write bytes to the socket. A lost connection is not opened again."""
        if self.sock is None:
            raise ConnectionError("not connected")
        view = memoryview(data)
        while view:
            self.sock.settimeout(self.time_left_s())
            view = view[self.sock.send(view) :]

    def read_head(self) -> HTTPResponse:
        """The status and headers of the response; its body is still to be read."""
        self.response_class = self._response  # type: ignore[assignment]
        return PlainConnection.getresponse(self)

    def _response(self, sock: Any, **options: Any) -> HTTPResponse:
        return HTTPResponse(_Source(sock, self), **options)  # type: ignore[arg-type]


class TimedTls(Timed, urllib3.connection.HTTPSConnection):
    """The same over TLS, with the certificate and its name verified."""


def open_connection(
    scheme: str, host: str, port: int | None, connect_timeout_s: float, tls: ssl.SSLContext | None
) -> Timed:
    """A connected connection.

    Raises:
        OSError, urllib3.exceptions.HTTPError: nothing was sent.
    """
    connection: Timed
    if scheme == "https":
        connection = TimedTls(host, port, timeout=connect_timeout_s, ssl_context=tls)
    else:
        connection = Timed(host, port, timeout=connect_timeout_s)
    try:
        connection.connect()
    except BaseException:
        connection.close()
        raise
    return connection
