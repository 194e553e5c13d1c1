"""Send one call to the provider and read its reply.

The API is not idempotent, so a call is sent once and never resent, whatever happens. The type of the exception says
what is known after a failure: `NotSent` until the connection is open, `Unanswered` from then on.

Decision: docs/decisions/0001-fresh-connections-for-changes.md
"""

import contextlib
import os
import re
import ssl
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

import urllib3.exceptions

from hosting.api.connection import Timed, open_connection
from hosting.api.errors import ApiError, Garbled, NotSent, RateLimited, RequestTooLarge, Unanswered
from hosting.api.wire import decode_reply, encode_call

_URL = re.compile(r"https?://[^\s/?#@\\]+(?:/[!-~]*)?", re.IGNORECASE)
_IDLE_S = 30.0
_CHUNK = 65536
_HEADERS = {
    "Content-Type": "text/xml; charset=utf-8",
    "User-Agent": "Sharedeck",
    "Accept-Encoding": "identity",
}


class Transport:
    """Calls to one endpoint, from any number of threads, over kept-alive connections.

    Args:
        url: `http` or `https`, without a user or a password in it. Certificates are verified against the
            system's authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` are respected). Proxies are never used.
        connect_timeout_s: for each address to connect, and for TLS. The system's resolver has its own limit.
        read_timeout_s: from the first byte sent to the last byte received, in all.
        max_response_bytes: the largest body taken.
        pool_size: idle connections kept; more calls at once open more connections.

    Raises:
        ValueError: the URL is none of those.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_timeout_s: float = 5,
        read_timeout_s: float = 30,
        max_response_bytes: int = 16 * 2**20,
        pool_size: int = 16,
    ) -> None:
        parts = _endpoint(url)
        self._scheme = parts.scheme
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = parts.path or "/"
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._max_response_bytes = max_response_bytes
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._idle: deque[tuple[float, Timed]] = deque()
        self._pool_size = pool_size
        self._pid = os.getpid()
        self.url = url
        self.clock_offset: timedelta | None = None
        """The server's clock minus ours by the last `Date` header, up to a second too low; None before any."""

    def __repr__(self) -> str:
        return f"Transport({self.url!r})"

    def call(
        self, method: str, params: Sequence[object], *, secrets: tuple[str, ...] = (), fresh: bool = False
    ) -> object:
        """The plain value that `method` returns.

        Args:
            method: its name on the wire.
            params: plain values, see `hosting.api.wire`.
            secrets: texts to keep out of a fault's message; every secret among `params` belongs here.
            fresh: use a new connection. A kept-alive one can have been closed by the server just now, which
                leaves a call uncertain; every call that changes something is worth the extra round trip.

        Raises:
            NotEncodable: a parameter cannot be sent; nothing was.
            NotSent: no connection; nothing was sent.
            RateLimited, RequestTooLarge: the server did not execute the call.
            Fault: the server refused the call.
            Unanswered: anything else after the first byte; the call may have been executed.
        """
        request = encode_call(method, params)
        connection = (None if fresh else self._take()) or self._open()
        body = self._exchange(connection, request)
        return decode_reply(body, secrets=secrets)

    def close(self) -> None:
        """Close the idle connections. The transport stays usable."""
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop()[1].close()

    def _open(self) -> Timed:
        problem = ""
        try:
            return open_connection(self._scheme, self._host, self._port, self._connect_timeout_s, self._tls)
        except urllib3.exceptions.NameResolutionError:
            problem = "its name does not resolve"
        except (urllib3.exceptions.SSLError, ssl.SSLError, ssl.CertificateError):
            problem = "its TLS certificate or handshake failed"
        except urllib3.exceptions.NewConnectionError:
            problem = "no connection is accepted"
        except (urllib3.exceptions.TimeoutError, TimeoutError):
            problem = f"no connection within {self._connect_timeout_s:g} s"
        except (urllib3.exceptions.HTTPError, HTTPException, OSError, ValueError):
            problem = "no connection"
        raise NotSent(f"The provider cannot be reached: {problem}.")

    def _take(self) -> Timed | None:
        """The idle connection used last, if it still stands."""
        if self._pid != os.getpid():  # a forked worker must not talk on its parent's connections
            self._idle, self._pid = deque(), os.getpid()
        with contextlib.suppress(IndexError):
            while True:
                since, connection = self._idle.pop()
                if time.monotonic() - since < _IDLE_S and connection.is_connected:
                    return connection
                connection.close()
        return None

    def _give(self, connection: Timed) -> None:
        now = time.monotonic()
        self._idle.append((now, connection))
        with contextlib.suppress(IndexError):
            while len(self._idle) > self._pool_size or now - self._idle[0][0] > _IDLE_S:
                self._idle.popleft()[1].close()

    def _exchange(self, connection: Timed, request: bytes) -> bytes:
        connection.deadline = time.monotonic() + self._read_timeout_s
        body: bytes | None = None
        try:
            body = self._send_and_read(connection, request)
        except TimeoutError:
            problem = f"did not answer within {self._read_timeout_s:g} s"
        except (OSError, HTTPException, urllib3.exceptions.HTTPError, ValueError):
            problem = "broke the connection off"
        finally:
            if body is None or connection.is_closed:
                connection.close()
            else:
                self._give(connection)
        if body is None:
            raise Unanswered(f"The provider {problem}.")
        return body

    def _send_and_read(self, connection: Timed, request: bytes) -> bytes:
        # A server may answer without reading all: then writing fails, and the answer is still to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", self._path, body=request, headers=_HEADERS)
        response = connection.read_head()
        try:
            self._set_clock(response)
            if response.status != 200:
                raise _refused_by_http(response)
            return self._read_body(response)
        finally:
            response.close()

    def _read_body(self, response: HTTPResponse) -> bytes:
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise Garbled("The provider sent an encoding that was not asked for.")
        limit = self._max_response_bytes
        parts: list[bytes] = []
        size = response.length or 0
        if size <= limit:
            size = 0
            while part := response.read1(_CHUNK):
                parts.append(part)
                size += len(part)
                if size > limit:
                    break
        if size > limit:
            raise Unanswered(f"The provider's reply is larger than {limit} bytes.")
        if response.length:
            raise Unanswered("The provider broke the connection off within its reply.")
        return b"".join(parts)

    def _set_clock(self, response: HTTPResponse) -> None:
        date = _http_date(response.getheader("Date"))
        if date is not None:
            self.clock_offset = date - datetime.now(UTC)


def _endpoint(url: str) -> SplitResult:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if _URL.fullmatch(url) and parts.hostname and parts.port != 0 and not parts.query and not parts.fragment:
            return parts
    raise ValueError("an endpoint is http(s)://host[:port]/path, without a user, a password or a query")


def _http_date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _refused_by_http(response: HTTPResponse) -> ApiError:
    match response.status:
        case 429:
            return RateLimited(_retry_after_s(response))
        case 413:
            return RequestTooLarge("The provider finds the request too large.")
    return Unanswered(f"The provider answered with HTTP status {response.status} instead of a reply.")


def _retry_after_s(response: HTTPResponse) -> float:
    """Seconds from `Retry-After`, a number or a date (RFC 9110, 10.2.3): 0.1 to 60, or 1 without one."""
    text = (response.getheader("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text, re.ASCII):
        seconds = float(text)
    else:
        until = _http_date(text)
        if until is None:
            return 1.0
        now = _http_date(response.getheader("Date")) or datetime.now(UTC)
        seconds = (until - now).total_seconds()
    return min(max(seconds, 0.1), 60.0)
