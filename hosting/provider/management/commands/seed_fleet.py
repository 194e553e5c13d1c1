"""Give a handle many VMs and disks at once, to measure with."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from hosting.provider.seed import RESELLER, seed_fleet


class Command(BaseCommand):
    help = "Add running VMs (one share each, bought along) and unattached disks to a handle's hosting account."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--vms", type=int, default=1000)
        parser.add_argument("--disks", type=int, default=0)
        parser.add_argument("--handle", default=RESELLER)

    def handle(self, *args: Any, **options: Any) -> None:
        seed_fleet(options["handle"], options["vms"], options["disks"])
        self.stdout.write(f"{options['handle']}: {options['vms']} VMs and {options['disks']} disks added.")
