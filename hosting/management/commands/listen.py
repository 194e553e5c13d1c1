"""`manage.py listen`: wait for changes at the provider, and have workers read them at once."""

import signal
from typing import Any

from django.core.management.base import BaseCommand

from hosting.operations.listening import Listener


class Command(BaseCommand):
    help = "Wait for changes at providers that can tell them. Runs until it is stopped."

    def handle(self, *args: Any, **options: Any) -> None:
        listener = Listener()

        def end(*_: object) -> None:
            raise SystemExit(0)

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        try:
            listener.run()
        finally:
            listener.stop()
