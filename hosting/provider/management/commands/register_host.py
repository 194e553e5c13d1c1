"""Register a machine with libvirt, so that VMs are placed on it, and give it an image."""

import hashlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from hosting.provider.drivers.base import CannotDo, HostAway
from hosting.provider.drivers.libvirt import LibvirtDriver
from hosting.provider.engine import specs
from hosting.provider.models import Disk, Host, OsImage, Vm


class Command(BaseCommand):
    help = "Register a libvirt host, or change its entry, and copy an image of an operating system to it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what staff call the host")
        parser.add_argument("uri", help="its libvirt, for instance qemu+ssh://root@host/system")
        parser.add_argument("--pool", default="default", help="the storage pool for disks and images")
        parser.add_argument("--bridge", default="br0", help="the bridge that servers are connected to")
        parser.add_argument("--emulated", action="store_true", help="it has no KVM: slow, for demonstrations")
        parser.add_argument("--overcommit", type=float, default=1.0, help="how often its processors are given away")
        parser.add_argument("--image", type=Path, help="a qcow2 file that boots and reads NoCloud seeds")
        parser.add_argument(
            "--os", type=int, help="the id of the operating system in it; otherwise every one that has no image"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        host, _ = Host.objects.update_or_create(
            name=options["name"],
            defaults={
                "cpu_overcommit": options["overcommit"],
                **{name: options[name] for name in ("uri", "pool", "bridge", "emulated")},
            },
        )
        try:
            has = LibvirtDriver().capacity(specs.host_ref(host))
        except (HostAway, CannotDo) as error:
            raise CommandError(f"{host.name} can't be used: {error}") from None
        for name in ("cores", "memory_mb", "pool_mb"):
            setattr(host, name, getattr(has, name))
        host.save()
        if options["image"]:
            self._add_image(host, options["image"], options["os"])
        _replace_simulation(host)
        self.stdout.write(
            f"{host.name}: {has.cores} processors, {has.memory_mb} MB of memory, {has.pool_mb} MB of disk"
        )

    def _add_image(self, host: Host, file: Path, os_id: int | None) -> None:
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
            LibvirtDriver().add_image(specs.host_ref(host), f"{sha256}.qcow2", content)
        which = OsImage.objects.filter(pk=os_id) if os_id else OsImage.objects.filter(file="", offered=True)
        if os_id and not which.exists():
            raise CommandError(f"There is no operating system {os_id}.")
        which.update(file=f"{sha256}.qcow2", sha256=sha256)


@transaction.atomic
def _replace_simulation(host: Host) -> None:
    """Forget where VMs and disks were simulated: they are made when they are first started."""
    for simulated in Host.objects.filter(uri="").exclude(pk=host.pk):
        vms = Vm.objects.filter(host=simulated)
        vms.filter(state__in=(Vm.State.RUNNING, Vm.State.PAUSED)).update(state=Vm.State.HALTED)
        vms.update(host=None, made=False)
        Disk.objects.filter(host=simulated).update(host=None, made=False)
        simulated.delete()
