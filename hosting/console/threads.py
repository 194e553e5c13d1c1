"""Run what blocks beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.db import connection

Result = TypeVar("Result")


class Threads:
    """At most so many threads at once. The process does not wait for them when it ends, as a pool's would have it:
    some wait for a provider, and what they would have written the sweep writes.
    """

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def run(self, do: Callable[[], Result]) -> Result:
        """Return what `do` returns, or raise what it raises."""
        async with self._free:
            loop = asyncio.get_running_loop()
            answer: asyncio.Future[Result] = loop.create_future()
            threading.Thread(target=_work, args=(do, answer, loop), daemon=True).start()
            return await answer


def _work(do: Callable[[], Result], answer: "asyncio.Future[Result]", loop: asyncio.AbstractEventLoop) -> None:
    try:
        result = do()
    except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
        _tell(loop, answer, partial(answer.set_exception, error))
    else:
        _tell(loop, answer, partial(answer.set_result, result))
    finally:
        connection.close()


def _tell(loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Result]", write: Callable[[], None]) -> None:
    def unless_cancelled() -> None:
        if not answer.done():
            write()

    try:
        loop.call_soon_threadsafe(unless_cancelled)
    except RuntimeError:
        # The process has ended meanwhile.
        return
