"""One viewer: what the guest prints goes to its WebSocket, and what comes from there is typed."""

import asyncio
from contextlib import suppress

from django.conf import settings
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from hosting.provider.console.output import Reader
from hosting.provider.console.shared import Ending, SharedConsole

# What a viewer typed last is still typed when it has left.
LAST_INPUT_S = 5.0


async def serve(viewer: ServerConnection, console: SharedConsole) -> None:
    """Connect a viewer with a console until one of them ends."""
    with console.watched() as reader:
        showing = asyncio.create_task(_show(viewer, console, reader))
        typing = asyncio.create_task(_type(viewer, console))
        # The other two do not notice that it leaves while they wait for the guest.
        leaving = asyncio.create_task(viewer.wait_closed())
        try:
            await asyncio.wait([showing, typing, leaving], return_when=asyncio.FIRST_COMPLETED)
            if ending := _ending(showing) or _ending(typing):
                await viewer.close(*ending.value)
            else:
                await asyncio.wait([typing], timeout=LAST_INPUT_S)
        finally:
            tasks = showing, typing, leaving
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _ending(task: "asyncio.Task[Ending]") -> Ending | None:
    """Why the viewer is sent away; None while it is not, or when it has left."""
    if task.done():
        with suppress(ConnectionClosed):
            return task.result()
    return None


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
