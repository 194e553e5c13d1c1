"""The consoles that are open in this process, and how many viewers they have."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hosting.provider.console.shared import SharedConsole

# In this process, and of one handle: more are turned away.
VIEWERS_MAX, VIEWERS_OF_HANDLE_MAX = 1000, 250


class TooManyViewersError(Exception):
    """There are as many viewers as this process takes."""


class Hub:
    def __init__(self) -> None:
        self._consoles: dict[int, SharedConsole] = {}
        self._viewers: Counter[str] = Counter()

    def console(self, vm_id: int) -> SharedConsole:
        """The console of this VM, opened when it is not."""
        if vm_id not in self._consoles:
            self._consoles[vm_id] = SharedConsole(vm_id, lambda: self._forget(vm_id))
        return self._consoles[vm_id]

    def _forget(self, vm_id: int) -> None:
        del self._consoles[vm_id]

    def has_room(self, handle: str) -> bool:
        """Whether this handle may have another viewer."""
        return self._viewers.total() < VIEWERS_MAX and self._viewers[handle] < VIEWERS_OF_HANDLE_MAX

    @contextmanager
    def counted(self, handle: str) -> Iterator[None]:
        """Count a viewer of the handle while the block runs."""
        self._viewers[handle] += 1
        try:
            yield
        finally:
            self._viewers[handle] -= 1
            if not self._viewers[handle]:
                del self._viewers[handle]

    async def close(self) -> None:
        await asyncio.gather(*(console.close() for console in list(self._consoles.values())))
