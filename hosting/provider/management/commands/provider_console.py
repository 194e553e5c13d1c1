"""Serve the consoles of VMs: one process, however many viewers."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from hosting.provider.console import server


class Command(BaseCommand):
    help = "Serve the consoles of VMs at PROVIDER_CONSOLE_BIND, until the process is asked to end."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        server.run(settings.PROVIDER_CONSOLE_BIND)
