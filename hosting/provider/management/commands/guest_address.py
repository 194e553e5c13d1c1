"""Print the address of a VM, for `make guest`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from hosting.provider.models import Interface


class Command(BaseCommand):
    help = "Print the IPv4 address of a VM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("vm", type=int, help="the id of the VM")

    def handle(self, *args: Any, **options: Any) -> None:
        interface = (
            Interface.objects.select_related("ipv4").filter(vm_id=options["vm"]).exclude(vm__state="deleted").first()
        )
        if interface is None:
            raise CommandError(f"There is no VM {options['vm']}.")
        self.stdout.write(interface.ipv4.ip)
