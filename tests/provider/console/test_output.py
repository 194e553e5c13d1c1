"""The one copy of a guest's output: what is kept, for whom, and what is skipped."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import TypeVar

from hosting.provider.console.output import BEHIND_MAX_BYTES, REPLAY_BYTES, SKIPPED, Output, Reader
from hosting.provider.console.threads import WAITING_MAX_BYTES, Inbox, OwnThread

T = TypeVar("T")
LINE = b"0123456789abcdef" * 64  # 1 KB


def run(coroutine: Coroutine[None, None, T]) -> T:
    return asyncio.run(coroutine)


async def rest(reader: Reader, output: Output) -> bytes:
    """All that there is for a reader, of an output that is over."""
    output.end()
    found = b""
    while data := await reader.read():
        found += data
    return found


def test_new_reader_begins_with_what_was_printed_last() -> None:
    async def scene() -> None:
        output = Output()
        for number in range(200):
            output.write(bytes([number]) * 1024)
        shown = await rest(output.reader(), output)
        assert len(shown) == REPLAY_BYTES
        assert shown == b"".join(bytes([number]) * 1024 for number in range(136, 200))

    run(scene())


def test_reader_that_keeps_up_misses_nothing() -> None:
    async def scene() -> None:
        output = Output()
        reader = output.reader()
        seen = 0
        for _ in range(1000):
            output.write(LINE)
            seen += len(await reader.read())
        assert seen == 1000 * len(LINE)

    run(scene())


def test_reader_may_be_so_far_behind_and_no_further() -> None:
    async def scene() -> None:
        output = Output()
        behind, lost = output.reader(), output.reader()
        output.write(LINE)
        await behind.read()
        for _ in range(BEHIND_MAX_BYTES // len(LINE)):
            output.write(LINE)
        assert lost.place == 0
        assert len(await rest(behind, output)) == BEHIND_MAX_BYTES
        shown = await rest(lost, output)
        assert shown.startswith(SKIPPED)
        assert len(shown) == len(SKIPPED) + REPLAY_BYTES

    run(scene())


def test_no_more_is_kept_than_the_slowest_reader_needs() -> None:
    async def scene() -> None:
        output = Output()
        reader = output.reader()
        for _ in range(100):
            output.write(LINE)
        assert len(output._kept) == 100 * len(LINE)
        for _ in range(10_000):
            output.write(LINE)
        assert len(output._kept) == BEHIND_MAX_BYTES
        output.leave(reader)
        assert len(output._kept) == REPLAY_BYTES

    run(scene())


def test_reader_waits_for_more_until_the_end() -> None:
    async def scene() -> None:
        output = Output()
        reader = output.reader()
        waiting = asyncio.create_task(reader.read())
        await asyncio.sleep(0.01)
        assert not waiting.done()
        output.write(b"more")
        assert await waiting == b"more"
        waiting = asyncio.create_task(reader.read())
        await asyncio.sleep(0.01)
        output.end()
        assert await waiting == b""

    run(scene())


def test_who_prints_faster_than_the_event_loop_takes_has_to_wait() -> None:
    async def scene() -> None:
        taken: list[bytes] = []
        inbox = Inbox(taken.append)
        printed = []

        def flood() -> None:
            for _ in range(1000):
                inbox.put(LINE)
                printed.append(len(LINE))

        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        # The event loop is busy: nothing is taken.
        thread.join(0.3)
        assert sum(printed) == WAITING_MAX_BYTES
        while thread.is_alive():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
        assert b"".join(taken) == LINE * 1000
        assert max(map(len, taken)) <= WAITING_MAX_BYTES + len(LINE)

    run(scene())


def test_end_of_a_console_lets_go_of_who_waits() -> None:
    async def scene() -> None:
        inbox = Inbox(lambda data: None)
        thread = threading.Thread(target=inbox.put, args=(LINE,), daemon=True)
        inbox.put(b"x" * WAITING_MAX_BYTES)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        inbox.close()
        thread.join(5)
        assert not thread.is_alive()

    run(scene())


def test_call_that_hangs_holds_up_its_own_thread_alone() -> None:
    async def scene() -> None:
        stuck, other = OwnThread("stuck"), OwnThread("other")
        hanging = asyncio.create_task(stuck.do(threading.Event().wait))
        behind = asyncio.create_task(stuck.do(lambda: 1))
        assert await other.do(lambda: 2) == 2
        _, pending = await asyncio.wait([hanging, behind], timeout=0.1)
        assert pending == {hanging, behind}
        for task in pending:
            task.cancel()
        other.end()

    run(scene())
