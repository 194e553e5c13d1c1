"""One person at one console: from the handed-over connection to its end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from websockets.asyncio.connection import Connection
from websockets.exceptions import ConnectionClosed

from hosting.console import wires
from hosting.console.tickets import NoConsoleError
from hosting.viewings.lifecycle import End
from hosting.viewings.models import Viewing

# Finds the address of a console; raises NoConsoleError.
Finder = Callable[[Viewing], Awaitable[str]]
# A text message to the browser: from now on, what is typed reaches the server.
CONNECTED = "connected"


class Viewer:
    """Passes bytes between a browser and the provider, no faster than the slower of both reads them."""

    def __init__(self, viewing: Viewing, browser: Connection, find: Finder) -> None:
        self.viewing = viewing
        self._browser = browser
        self._find = find
        self._told: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._typed_at = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether nothing was typed for `CONSOLE_IDLE_S`."""
        return time.monotonic() - self._typed_at > float(settings.CONSOLE_IDLE_S)

    def tell(self, end: End) -> None:
        """Have the console closed. The first reason counts."""
        if not self._told.done():
            self._told.set_result(end)

    async def serve(self) -> End:
        """Connect, pass on what comes until one side ends it, and say why it ended."""
        work = asyncio.create_task(self._show())
        left = asyncio.create_task(self._browser.wait_closed())
        try:
            first: list[asyncio.Future[Any]] = [work, left, self._told]
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            if self._told.done():
                end = self._told.result()
            elif work.done():
                end = work.result()
            else:
                end = End.LEFT
        finally:
            await _stop(work, left)
        await wires.close(self._browser, end)
        return end

    async def _show(self) -> End:
        try:
            provider = await wires.to_provider(await self._find(self.viewing))
        except NoConsoleError as error:
            return error.end
        typing = asyncio.create_task(self._pass_typed(provider))
        showing = asyncio.create_task(self._pass_shown(provider))
        try:
            done, _ = await asyncio.wait({typing, showing}, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            await _stop(typing, showing)
            await wires.close(provider, End.LEFT)

    async def _pass_typed(self, provider: Connection) -> End:
        while True:
            try:
                message = await self._browser.recv()
            except ConnectionClosed:
                return End.LEFT
            if isinstance(message, str):
                continue
            self._typed_at = time.monotonic()
            try:
                await provider.send(message)
            except ConnectionClosed as closed:
                return wires.end_of(closed)

    async def _pass_shown(self, provider: Connection) -> End:
        try:
            await self._browser.send(CONNECTED)
        except ConnectionClosed:
            return End.LEFT
        while True:
            try:
                message = await provider.recv()
            except ConnectionClosed as closed:
                return wires.end_of(closed)
            if isinstance(message, str):
                continue
            try:
                await self._browser.send(message)
            except ConnectionClosed:
                return End.LEFT


async def _stop(*tasks: "asyncio.Task[End] | asyncio.Task[None]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
