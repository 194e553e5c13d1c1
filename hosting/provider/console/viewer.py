"""One viewer: what the guest prints goes to its WebSocket, and what comes from there is typed."""

import asyncio
from contextlib import suppress

from django.conf import settings
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from hosting.provider.console.output import Reader
from hosting.provider.console.shared import Ending, SharedConsole


async def serve(viewer: ServerConnection, console: SharedConsole) -> None:
    """Connect a viewer with a console until one of them ends."""
    with console.watched() as reader:
        tasks = [asyncio.create_task(_show(viewer, console, reader)), asyncio.create_task(_type(viewer, console))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(ConnectionClosed):
            for task in done:
                await viewer.close(*task.result().value)


async def _show(viewer: ServerConnection, console: SharedConsole, reader: Reader) -> Ending:
    """Send what the guest prints. Its last words are sent too, before the viewer is told why it ended."""
    while data := await reader.read():
        await viewer.send(data)
    return console.ending


async def _type(viewer: ServerConnection, console: SharedConsole) -> Ending:
    """Type what the viewer sends, until it has sent nothing for too long.

    Text frames hold JSON for the console itself, such as its size. A serial line has none, so they change nothing.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + settings.PROVIDER_CONSOLE_IDLE_S
    while True:
        try:
            async with asyncio.timeout_at(until):
                message = await viewer.recv()
        except TimeoutError:
            return Ending.IDLE
        if isinstance(message, bytes):
            until = loop.time() + settings.PROVIDER_CONSOLE_IDLE_S
            await console.send(message)
