"""WebSocket connections: the browser's, which the web server has accepted, and the one to the provider."""

import asyncio
import logging
import socket

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.frames import CloseCode
from websockets.protocol import OPEN, Protocol, Side

from hosting.console.tickets import NoConsoleError
from hosting.viewings.lifecycle import End

# Nothing is logged that a connection carries: it holds what people type, passwords included.
_LOG = logging.getLogger("hosting.console.wires")
_LOG.setLevel(logging.CRITICAL)

# The largest message of a browser, and of a provider.
TYPED_MAX_BYTES, SHOWN_MAX_BYTES = 64 * 1024, 256 * 1024
# What is read ahead (messages) and waits to be sent (bytes) for each connection. A guest that writes faster than a
# browser reads is slowed down, and the provider skips what it can't deliver.
_QUEUE, _UNSENT_BYTES = 2, 32 * 1024
# Seconds between two pings and until their answers, to open a connection, and to close it politely.
_PING_S, _OPEN_S, _CLOSE_S = 20.0, 10.0, 1.0

# What the provider's close codes mean (contract, "Extensions").
_ENDS = {4408: End.IDLE, 4410: End.STOPPED, 4503: End.HOST_AWAY}
# What the browser is told. Codes from 4000 on are the application's own; the reason is the value of `End`.
_CODES = {
    End.LEFT: CloseCode.NORMAL_CLOSURE,
    End.STOPPED: 4410,
    End.GONE: 4404,
    End.IDLE: 4408,
    End.ACCESS: 4403,
    End.CREDENTIALS: 4401,
    End.HOST_AWAY: 4503,
    End.NO_ANSWER: 4504,
    End.REFUSED: 4502,
    End.BUSY: 4429,
    End.RESTART: CloseCode.SERVICE_RESTART,
    End.LOST: CloseCode.INTERNAL_ERROR,
}


class _NoRedirects(connect):
    """The address was checked: nothing leads away from it."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def to_browser(accepted: socket.socket) -> Connection:
    """The browser's connection, whose handshake the web server has answered.

    Raises:
        OSError: it is not open any more.
    """
    accepted.setblocking(False)
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=TYPED_MAX_BYTES, logger=_LOG)
    connection = Connection(
        protocol,
        ping_interval=_PING_S,
        ping_timeout=_PING_S,
        close_timeout=_CLOSE_S,
        max_queue=_QUEUE,
        write_limit=_UNSENT_BYTES,
    )
    await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
    connection.start_keepalive()
    return connection


async def to_provider(url: str) -> ClientConnection:
    """Connect to the provider. Certificates are verified as those of its API are; proxies are never used.

    Raises:
        NoConsoleError: it does not answer, or refuses.
    """
    try:
        return await _NoRedirects(
            url,
            compression=None,
            proxy=None,
            user_agent_header="Sharedeck",
            open_timeout=_OPEN_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            close_timeout=_CLOSE_S,
            max_size=SHOWN_MAX_BYTES,
            max_queue=_QUEUE,
            write_limit=_UNSENT_BYTES,
            logger=_LOG,
        )
    except (OSError, TimeoutError):
        raise NoConsoleError(End.NO_ANSWER) from None
    except (InvalidHandshake, InvalidURI):
        raise NoConsoleError(End.REFUSED) from None


def end_of(closed: ConnectionClosed) -> End:
    """What it means that the provider's connection was closed."""
    return _ENDS.get(closed.rcvd.code, End.LOST) if closed.rcvd else End.LOST


async def close(connection: Connection, end: End) -> None:
    """Close a connection and say why; cut it off when the other side does not listen."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await connection.close(_CODES[end], end.value)
    except TimeoutError:
        pass
    finally:
        connection.transport.abort()
