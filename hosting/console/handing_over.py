"""The socket at which the web server hands connections over (`web.answers.upgrade`)."""

import asyncio
import json
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Seconds until the web server has sent what it announced by connecting.
_WAIT_S = 5.0
_BACKLOG, _MESSAGE_BYTES = 128, 1024


@dataclass(frozen=True)
class HandedOver:
    """A browser's connection, and the key of the viewing that it is for."""

    viewing_id: int
    connection: socket.socket


def listen(path: Path) -> socket.socket:
    """Make the socket anew, for processes of this user alone.

    Raises:
        PermissionError: the directory belongs to somebody else.
        OSError: it can't be made.
    """
    if path.parent.stat().st_uid != os.getuid():
        raise PermissionError(f"{path.parent} belongs to another user")
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.lstat().st_mode):
            path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    listener.setblocking(False)
    return listener


async def receive(sender: socket.socket) -> HandedOver | None:
    """What a process of the web server hands over; None when its request ended in another way."""
    sender.setblocking(False)
    loop = asyncio.get_running_loop()
    is_there = asyncio.Event()
    loop.add_reader(sender, is_there.set)
    try:
        async with asyncio.timeout(_WAIT_S):
            await is_there.wait()
        message, files, _flags, _address = socket.recv_fds(sender, _MESSAGE_BYTES, 1)
    except (TimeoutError, OSError):
        return None
    finally:
        loop.remove_reader(sender)
    if not files:
        return None
    return HandedOver(int(json.loads(message)["viewing"]), socket.socket(fileno=files[0]))
