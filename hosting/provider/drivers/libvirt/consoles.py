"""Serial consoles of guests, by streams of libvirt.

A console has a connection of its own: a guest that takes no input stops the daemon from reading on
its connection, and nothing else may wait behind it. Output is read in the thread of libvirt's events, and input is sent
in the thread that opened the console.

Decision: docs/decisions/0042-consoles-are-shared.md
"""

from contextlib import suppress
from uuid import UUID

import libvirt

from hosting.provider.drivers.base import CannotDo, ConsoleEvents
from hosting.provider.drivers.libvirt import guests

NOT_RUNNING = "The server is not running."
CHUNK_BYTES = 16 * 1024
_READABLE = libvirt.VIR_STREAM_EVENT_READABLE
_OVER = libvirt.VIR_STREAM_EVENT_HANGUP | libvirt.VIR_STREAM_EVENT_ERROR
# What `recv` answers when there is nothing yet.
_LATER = -2


def open_console(connected: libvirt.virConnect, uuid: UUID, events: ConsoleEvents) -> "LibvirtConsole":
    """Open the console of a guest on a connection that is its own from now on. Whoever had the console, such as a
    process of ours that was killed, loses it.

    Raises:
        CannotDo: the guest does not run.
    """
    try:
        return _opened(connected, uuid, events)
    except BaseException:
        with suppress(libvirt.libvirtError):
            connected.close()
        raise


def _opened(connected: libvirt.virConnect, uuid: UUID, events: ConsoleEvents) -> "LibvirtConsole":
    guest = guests.running(connected, uuid)
    if guest is None:
        raise CannotDo(NOT_RUNNING)
    stream = connected.newStream(libvirt.VIR_STREAM_NONBLOCK)
    try:
        guest.openConsole(None, stream, libvirt.VIR_DOMAIN_CONSOLE_FORCE)
    except libvirt.libvirtError as error:
        if connected.isAlive() and not guests.running(connected, uuid):
            raise CannotDo(NOT_RUNNING) from error
        raise
    return LibvirtConsole(connected, stream, events)


class LibvirtConsole:
    def __init__(self, connected: libvirt.virConnect, stream: libvirt.virStream, events: ConsoleEvents) -> None:
        self._connected = connected
        self._stream = stream
        self._events = events
        self._is_over = False
        stream.eventAddCallback(_READABLE | _OVER, self._happened, None)
        # A stream says nothing when its connection is lost.
        connected.registerCloseCallback(self._was_lost, None)

    def _happened(self, _stream: libvirt.virStream, what: int, _opaque: None) -> None:
        """Read what is there, in the thread of libvirt's events."""
        if self._is_over:
            return
        try:
            data = self._stream.recv(CHUNK_BYTES) if what & _READABLE else b""
        except libvirt.libvirtError:
            data = b""
        if isinstance(data, bytes) and data:
            self._events.received(data)
        elif data != _LATER or what & _OVER:
            self._is_over = True
            self._stop_listening()
            self._events.ended()

    def _was_lost(self, _connected: libvirt.virConnect, _reason: int, _opaque: None) -> None:
        """In the thread of libvirt's events too; nothing of libvirt may be called from here."""
        if not self._is_over:
            self._is_over = True
            self._events.ended()

    def send(self, data: bytes) -> None:
        # Of an error the events tell too, and they tell it to all viewers.
        with suppress(libvirt.libvirtError):
            while data and not self._is_over:
                data = data[self._stream.send(data) :]

    def close(self) -> None:
        self._is_over = True
        self._stop_listening()
        for end in (self._connected.unregisterCloseCallback, self._stream.abort, self._connected.close):
            with suppress(libvirt.libvirtError):
                end()

    def _stop_listening(self) -> None:
        with suppress(libvirt.libvirtError):
            self._stream.eventRemoveCallback()
