"""Take over connections, look every two seconds who may stay, and close all of them at the end."""

import asyncio
import logging
import resource
import socket
from functools import partial
from pathlib import Path

from django.db import DatabaseError, InterfaceError
from websockets.asyncio.connection import Connection

from hosting.console import checks, handing_over, wires
from hosting.console.handing_over import HandedOver
from hosting.console.threads import Threads
from hosting.console.tickets import address_for
from hosting.console.viewer import Viewer
from hosting.viewings import lifecycle
from hosting.viewings.lifecycle import End
from hosting.viewings.models import Viewing

log = logging.getLogger(__name__)

# Seconds between two looks at who may stay.
CHECK_S = 2.0
# Seconds in which everybody is told, and their ends are written, when the process ends.
_END_S = 4.0
# Consoles of one process. Each has two connections, and the system limits how many files a process may open.
MOST = 400
_FILES = 2 * MOST + 200
# Threads that wait for the provider, and threads that only ask the database.
_PROVIDER_THREADS, _DATABASE_THREADS = 16, 4


class ConsoleProcess:
    """All open consoles of this machine's web server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._viewers: dict[int, Viewer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._provider, self._database = Threads(_PROVIDER_THREADS), Threads(_DATABASE_THREADS)

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop` is called.

        Raises:
            OSError: the socket can't be made.
        """
        _allow_files()
        with handing_over.listen(self._path) as listener:
            serving = [asyncio.create_task(self._accept(listener)), asyncio.create_task(self._check_regularly())]
            try:
                await self._stopping.wait()
            finally:
                for task in serving:
                    task.cancel()
                self._path.unlink(missing_ok=True)
                await self._close_all()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sender, _address = await loop.sock_accept(listener)
            task = asyncio.create_task(self._take(sender))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take(self, sender: socket.socket) -> None:
        with sender:
            handed = await handing_over.receive(sender)
        if handed is None:
            return
        try:
            viewing = await self._database.run(Viewing.objects.filter(pk=handed.viewing_id).first)
        except (DatabaseError, InterfaceError) as error:
            log.warning("A console could not be taken over: %s", type(error).__name__)
            viewing = None
        if viewing is None:
            handed.connection.close()
            return
        await self._serve(viewing, handed)

    async def _serve(self, viewing: Viewing, handed: HandedOver) -> None:
        end = End.LOST
        try:
            end = await self._view(viewing, await wires.to_browser(handed.connection))
        except OSError:
            handed.connection.close()
        finally:
            self._viewers.pop(viewing.pk, None)
            try:
                await self._database.run(partial(lifecycle.end, viewing, end))
            except (DatabaseError, InterfaceError) as error:
                log.warning("The end of a console is left to the sweep: %s", type(error).__name__)

    async def _view(self, viewing: Viewing, browser: Connection) -> End:
        viewer = Viewer(viewing, browser, self._find)
        if self._stopping.is_set():
            viewer.tell(End.RESTART)
        elif len(self._viewers) >= MOST:
            viewer.tell(End.BUSY)
        self._viewers[viewing.pk] = viewer
        return await viewer.serve()

    async def _find(self, viewing: Viewing) -> str:
        return await self._provider.run(partial(address_for, viewing))

    async def _check_regularly(self) -> None:
        while True:
            await asyncio.sleep(CHECK_S)
            if self._viewers:
                await self._check()

    async def _check(self) -> None:
        viewings = [viewer.viewing for viewer in self._viewers.values()]
        try:
            ended = await self._database.run(partial(checks.ended, viewings))
        except (DatabaseError, InterfaceError) as error:
            log.warning("Who is at open consoles could not be checked: %s", type(error).__name__)
            return
        for viewer in list(self._viewers.values()):
            if end := ended.get(viewer.viewing.pk):
                viewer.tell(end)
            elif viewer.is_idle:
                viewer.tell(End.IDLE)

    async def _close_all(self) -> None:
        for viewer in self._viewers.values():
            viewer.tell(End.RESTART)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_S)


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
