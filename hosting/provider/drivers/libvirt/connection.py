"""Connections to hosts, and which errors mean that a host did not answer."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import libvirt

from hosting.provider.drivers.base import HostAway, HostRef

# A host that is silent for so long has gone: libvirt then ends every call that waits for it.
KEEPALIVE_S, KEEPALIVE_COUNT = 5, 3
# A host answers a new connection at once, or is away. Opening goes on meanwhile, and the next call may find it done.
OPENING_S = 10.0

_lock = threading.Lock()
_events: list[threading.Thread] = []


class _Own(threading.local):
    """The connections of one thread, by address.

    Threads don't share them: when a connection on which several threads wait is ended by a missing answer, libvirt's
    client (9.0) frees what the others still use, and the process crashes.
    """

    def __init__(self) -> None:
        self.connections: dict[str, Future[libvirt.virConnect]] = {}


_own = _Own()


def _run_events() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


def _start_events() -> None:
    """Run libvirt's event loop, which sends what keeps connections alive."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # it would print every error
    libvirt.virEventRegisterDefaultImpl()
    _events.append(threading.Thread(target=_run_events, name="libvirt-events", daemon=True))
    _events[0].start()


def _open(uri: str, opening: "Future[libvirt.virConnect]") -> None:
    try:
        connection = libvirt.open(uri)
        connection.setKeepAlive(KEEPALIVE_S, KEEPALIVE_COUNT)
    except libvirt.libvirtError as error:
        opening.set_exception(error)
    else:
        opening.set_result(connection)


def _is_lost(opening: "Future[libvirt.virConnect]") -> bool:
    return opening.done() and (opening.exception() is not None or not opening.result().isAlive())


def connection(host: HostRef) -> libvirt.virConnect:
    """Return the connection of this thread to the host.

    Raises:
        HostAway: when there is none within ten seconds.
    """
    opening = _own.connections.get(host.uri)
    if opening is None or _is_lost(opening):
        opening = _own.connections[host.uri] = _begin(host)
    return _opened(host, opening)


def new_connection(host: HostRef) -> libvirt.virConnect:
    """Return a connection that nobody else uses, to be closed by the caller.

    Raises:
        HostAway: when there is none within ten seconds.
    """
    return _opened(host, _begin(host))


def _begin(host: HostRef) -> "Future[libvirt.virConnect]":
    if not host.uri:
        raise HostAway(f"{host.name} has no address of a libvirt")  # which would choose one by itself
    with _lock:
        if not _events:
            _start_events()
    opening: Future[libvirt.virConnect] = Future()
    # Not even a daemon that was stopped in the middle of a connection holds its caller for ever.
    threading.Thread(target=_open, args=(host.uri, opening), name="libvirt-open", daemon=True).start()
    return opening


def _opened(host: HostRef, opening: "Future[libvirt.virConnect]") -> libvirt.virConnect:
    try:
        return opening.result(timeout=OPENING_S)
    except (libvirt.libvirtError, TimeoutError) as error:
        raise HostAway(f"{host.name}: {error or 'no answer'}") from error


@contextmanager
def answering(
    host: HostRef, connect: Callable[[HostRef], libvirt.virConnect] = connection
) -> Iterator[libvirt.virConnect]:
    """Use a connection to the host, by default that of this thread.

    Raises:
        HostAway: for errors that mean a lost connection. All others are the host's answers, and stay as they are.
    """
    connected = connect(host)
    try:
        yield connected
    except libvirt.libvirtError as error:
        if means_lost(connected, error):
            raise HostAway(f"{host.name}: {error}") from error
        raise


def means_lost(connected: libvirt.virConnect, error: libvirt.libvirtError) -> bool:
    """Whether the error came from the connection. Its code does not tell: a missing file has that of a lost socket."""
    return (
        not connected.isAlive()
        or error.get_error_domain() == libvirt.VIR_FROM_RPC
        or error.get_error_code() in (libvirt.VIR_ERR_NO_CONNECT, libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_RPC)
    )
