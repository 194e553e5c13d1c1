"""What crosses between threads: calls that may block for long, and output that comes from anywhere."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from django.db import connection

P = ParamSpec("P")
T = TypeVar("T")
# Output that waits for the event loop.
WAITING_MAX_BYTES = 256 * 1024


class OwnThread:
    """A thread that makes calls one after another. One that never returns holds nobody up but those behind it."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A daemon, because no process waits for it: the call may hang on a host that is silent.
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make the call in the thread, and return what it returns or raise what it raises."""
        future: Future[T] = Future()
        self._calls.put((future, lambda: call(*args, **kwargs)))
        return await asyncio.wrap_future(future)

    def end(self) -> None:
        """Let it end after the calls that were asked for."""
        self._calls.put(None)

    def _run(self) -> None:
        for future, call in iter(self._calls.get, None):
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                # The next call may come in an hour.
                connection.close()


class Inbox:
    """Hands what any thread puts in over to the event loop. Who puts in more than it takes has to wait."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._waiting = bytearray()
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, data: bytes) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or len(self._waiting) < WAITING_MAX_BYTES)
            if self._is_closed:
                return
            is_first = not self._waiting
            self._waiting += data
        if is_first:
            self.call(self._hand_over)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the event loop, unless the process is ending."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    def close(self) -> None:
        """Let go of who waits; what is put in from now on is lost."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _hand_over(self) -> None:
        with self._changed:
            data = bytes(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        self._take(data)
