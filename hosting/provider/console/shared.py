"""The one console of a guest that all its viewers share: what one types, all see.

Decision: docs/decisions/0042-consoles-are-shared.md
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from hosting.provider.console import guests
from hosting.provider.console.output import Output, Reader
from hosting.provider.console.threads import Inbox, OwnThread
from hosting.provider.drivers.base import CannotDo, Console, HostAway

log = logging.getLogger(__name__)

# After its last viewer has left, a console stays open for who comes back, with what was printed meanwhile.
LINGERS_S = 60.0
# A guest that has just stopped is seen as stopped by then.
REOPEN_AFTER_S = 0.3
# A daemon that was ended is back by then.
RESTART_S = 3.0


class Ending(Enum):
    """Why a viewer is sent away: the code and the reason that it is told (docs/provider-api.md)."""

    IDLE = 4408, "idle"
    STOPPED = 4410, "the server stopped"
    AWAY = 4503, "the host does not answer"
    FAILED = 1011, "internal error"


class SharedConsole:
    """The console of one VM, from its first viewer until it ends or nobody is left. It belongs to the event loop."""

    def __init__(self, vm_id: int, forget: Callable[[], None]) -> None:
        self._vm_id = vm_id
        self._forget = forget
        self._output = Output()
        self._viewers = 0
        self._unused: asyncio.TimerHandle | None = None
        self._console: Console | None = None
        self._has_ended = asyncio.Event()
        self._thread = OwnThread(f"console-{vm_id}")
        self._inbox = Inbox(self._output.write)
        self._task = asyncio.create_task(self._run())
        self.ending = Ending.STOPPED

    # What the driver tells, from any thread.

    def received(self, data: bytes) -> None:
        self._inbox.put(data)

    def ended(self) -> None:
        self._inbox.call(self._has_ended.set)

    # For viewers.

    @contextmanager
    def watched(self) -> Iterator[Reader]:
        """Keep the console open while the block runs, and read what it shows."""
        self._viewers += 1
        if self._unused:
            self._unused.cancel()
        reader = self._output.reader()
        try:
            yield reader
        finally:
            self._output.leave(reader)
            self._viewers -= 1
            if not self._viewers:
                self._unused = asyncio.get_running_loop().call_later(LINGERS_S, self._task.cancel)

    async def send(self, data: bytes) -> None:
        """Type something; returns when the host has taken it."""
        await self._thread.do(self._send, data)

    def _send(self, data: bytes) -> None:
        if self._console:
            self._console.send(data)

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        """Keep it open. One that ends is opened anew, which tells why it ended: a lost connection is no end."""
        try:
            while True:
                self._has_ended.clear()
                await self._open_patiently()
                await self._has_ended.wait()
                await self._thread.do(self._close)
                await asyncio.sleep(REOPEN_AFTER_S)
        except CannotDo:
            self.ending = Ending.STOPPED
        except HostAway as silence:
            log.warning("The console of VM %s was lost: %s", self._vm_id, silence)
            self.ending = Ending.AWAY
        except Exception:
            log.exception("The console of VM %s failed", self._vm_id)
            self.ending = Ending.FAILED
        finally:
            self._forget()
            self._inbox.close()
            self._output.end()
            closing = asyncio.shield(self._thread.do(self._close))
            self._thread.end()
            closing.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _open_patiently(self) -> None:
        """Open it. A host whose daemon is started anew is not away."""
        until = asyncio.get_running_loop().time() + RESTART_S
        while True:
            try:
                return await self._thread.do(self._open)
            except HostAway:
                if asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(REOPEN_AFTER_S)

    def _open(self) -> None:
        self._console = guests.open_console(self._vm_id, self)

    def _close(self) -> None:
        if self._console:
            self._console.close()
        self._console = None
