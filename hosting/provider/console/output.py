"""What a guest printed last, for viewers of any pace.

There is one copy of it, however many read: each reader has a place of its own in the stream. So a viewer that is slow,
or stands still, costs no memory and holds nobody up; what it is too late for is skipped.
"""

import asyncio

# What a new viewer sees first.
REPLAY_BYTES = 64 * 1024
# How far a viewer may be behind.
BEHIND_MAX_BYTES = 256 * 1024
CHUNK_BYTES = 16 * 1024
SKIPPED = b"\r\n[output skipped: it came faster than this viewer took it]\r\n"


class Output:
    """The stream of a guest. It belongs to the event loop."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._end = 0
        self._readers: set[Reader] = set()
        self.is_over = False

    @property
    def _begin(self) -> int:
        return self._end - len(self._kept)

    def reader(self) -> "Reader":
        """A reader that begins with what was printed last. Give it back with `leave`."""
        reader = Reader(self, max(self._begin, self._end - REPLAY_BYTES))
        self._readers.add(reader)
        return reader

    def leave(self, reader: "Reader") -> None:
        self._readers.discard(reader)
        self._forget()

    def write(self, data: bytes) -> None:
        self._kept += data
        self._end += len(data)
        self._forget()
        self._wake()

    def end(self) -> None:
        """Nothing more will come."""
        self.is_over = True
        self._wake()

    def _forget(self) -> None:
        """Keep what a new viewer sees, and what the slowest one still has to take, as far as it may be behind."""
        behind = max((self._end - reader.place for reader in self._readers), default=0)
        del self._kept[: -max(REPLAY_BYTES, min(behind, BEHIND_MAX_BYTES))]

    def _wake(self) -> None:
        for reader in self._readers:
            reader.news.set()

    def chunk(self, place: int) -> tuple[bytes, int]:
        """What comes at a place of the stream, and the place behind it. Nothing at its end."""
        if place < self._begin:
            return SKIPPED, max(self._begin, self._end - REPLAY_BYTES)
        start = place - self._begin
        found = bytes(self._kept[start : start + CHUNK_BYTES])
        return found, place + len(found)


class Reader:
    """One viewer's place in the output."""

    def __init__(self, output: Output, place: int) -> None:
        self._output = output
        self.place = place
        self.news = asyncio.Event()

    async def read(self) -> bytes:
        """Wait for more and return it; nothing when the output is over and all of it was read."""
        while True:
            self.news.clear()
            data, self.place = self._output.chunk(self.place)
            if data or self._output.is_over:
                return data
            await self.news.wait()
