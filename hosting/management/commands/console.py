"""`manage.py console`: hold the connections of open consoles (`hosting.console`)."""

import asyncio
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hosting.console.process import ConsoleProcess


class Command(BaseCommand):
    help = "Hold the connections of open consoles of servers. Runs until it is stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(_run())


async def _run() -> None:
    process = ConsoleProcess(Path(settings.CONSOLE_SOCKET))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, process.stop)
    await process.run()
