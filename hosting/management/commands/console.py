"""`manage.py console`: hold the connections of open consoles (`hosting.console`)."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hosting.console.process import ConsoleProcess


class Command(BaseCommand):
    help = "Hold the connections of open consoles of servers. Runs until it is stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(_run())
        except OSError as error:
            # For example a path that is too long for a socket.
            raise CommandError(f"CONSOLE_SOCKET: {settings.CONSOLE_SOCKET} can't be used: {error}") from None


async def _run() -> None:
    process = ConsoleProcess(Path(settings.CONSOLE_SOCKET))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.stop)
    await process.run()
