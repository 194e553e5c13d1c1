"""The process that serves consoles: `/console/TICKET` by WebSocket, and `/health`.

A ticket is a secret, and part of the address of its request. So nothing here logs a request, and websockets, whose
messages may quote one, logs nothing at all.
"""

import asyncio
import logging
import signal
import socket
from http import HTTPStatus
from weakref import WeakKeyDictionary

import redis
from django.db import DatabaseError, InterfaceError, connection
from django.views.decorators.debug import sensitive_variables
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from hosting.provider.console import guests, tickets, viewer
from hosting.provider.console.hub import Hub

log = logging.getLogger(__name__)

_PATH = "/console/"
FRAME_MAX_BYTES = 64 * 1024
# Frames of one viewer that wait to be typed.
_FRAMES_WAITING = 2
# What the kernel keeps of the output for a viewer that does not take it: what waits there cannot be skipped.
_SEND_BUFFER_BYTES = 64 * 1024
_PING_EVERY_S = _PONG_WITHIN_S = 20
_CLOSE_WITHIN_S = 3


class Server:
    """Admits viewers and hands them to the consoles of their VMs."""

    def __init__(self) -> None:
        self._hub = Hub()
        self._admitted: WeakKeyDictionary[ServerConnection, tickets.Admission] = WeakKeyDictionary()

    async def run(self, host: str, port: int) -> None:
        """Serve until the process is asked to end; viewers are then told that the server goes away."""
        stopping = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
        async with serve(
            self._serve,
            host,
            port,
            process_request=self._admit,
            compression=None,  # it would cost each viewer more memory than all the rest
            max_size=FRAME_MAX_BYTES,
            max_queue=_FRAMES_WAITING,
            ping_interval=_PING_EVERY_S,
            ping_timeout=_PONG_WITHIN_S,
            close_timeout=_CLOSE_WITHIN_S,
            server_header=None,
            logger=_silent(),
        ):
            log.debug("Consoles are served at %s:%s", host, port)
            await stopping.wait()
        await self._hub.close()

    async def _admit(self, connected: ServerConnection, request: Request) -> Response | None:
        """Answer a request, or let it become a WebSocket. One answer for all tickets that are no good."""
        if request.path == "/health":
            return connected.respond(HTTPStatus.OK, "ok")
        if not request.path.startswith(_PATH):
            return connected.respond(HTTPStatus.NOT_FOUND, "Not found.\n")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return None  # which is refused, and leaves the ticket as it is
        try:
            admission = await asyncio.to_thread(_admission, request.path.removeprefix(_PATH))
        except (redis.RedisError, DatabaseError, InterfaceError) as error:
            log.error("A ticket could not be checked: %s", type(error).__name__)  # noqa: TRY400
            return connected.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Out of service.\n")
        if admission is None:
            return connected.respond(HTTPStatus.FORBIDDEN, "This ticket is not valid.\n")
        if not self._hub.has_room(admission.handle):
            return connected.respond(HTTPStatus.SERVICE_UNAVAILABLE, "Too many viewers.\n")
        self._admitted[connected] = admission
        return None

    async def _serve(self, connected: ServerConnection) -> None:
        admission = self._admitted.pop(connected)
        connected.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        log.info("%s opened the console of VM %s", admission.handle, admission.vm_id)
        try:
            with self._hub.counted(admission.handle):
                await viewer.serve(connected, self._hub.console(admission.vm_id))
        except Exception:
            log.exception("The console of VM %s failed for a viewer", admission.vm_id)
            raise
        finally:
            log.info("%s left the console of VM %s", admission.handle, admission.vm_id)


@sensitive_variables("ticket")
def _admission(ticket: str) -> tickets.Admission | None:
    """What a ticket is for, when its VM still belongs to who asked for it."""
    try:
        found = tickets.take(ticket)
        return found if found and guests.is_owned(found.vm_id, found.handle) else None
    finally:
        connection.close()


def _silent() -> logging.Logger:
    """What websockets logs with: nothing."""
    logger = logging.getLogger(f"{__name__}.websockets")
    logger.disabled = True
    return logger


def run(bind: str) -> None:
    """Serve consoles at HOST:PORT until the process is asked to end."""
    host, _, port = bind.rpartition(":")
    asyncio.run(Server().run(host.strip("[]"), int(port)))
