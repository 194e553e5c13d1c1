"""A database of the provider from before there were hosts."""

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import ROOT
from tests.shell import Shell

OLD_ROWS = """
from datetime import timedelta
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
executor = MigrationExecutor(connection)
executor.migrate([("provider", "0005_session_names")])
get = executor.loader.project_state([("provider", "0005_session_names")]).apps.get_model
now = timezone.now()
handle = get("provider", "Handle").objects.create(handle="AA1-TEST", fullname="A")
account = get("provider", "HostingAccount").objects.create(handle=handle)
image = get("provider", "OsImage").objects.create(label="Debian", arch="x86-64", kernel_version="6", min_disk=3072)
for pk, state in ((456, "running"), (70000, "halted"), (80000, "paused")):
    vm = get("provider", "Vm").objects.create(
        pk=pk, account=account, hostname=f"web{pk}", state=state, os=image, shares=2, cores=1, vm_max_memory=2048,
        date_created=now, date_updated=now,
    )
    get("provider", "Interface").objects.create(
        vm=vm, ipv4=f"10.{pk >> 16 & 255}.{pk >> 8 & 255}.{pk & 255}", ipv6=f"2001:db8::{pk >> 16:x}:{pk & 65535:x}",
        reverse="www.example.net" if pk == 456 else vm.hostname,
    )
    disk = get("provider", "Disk").objects.create(
        account=account, name="sys", size=3072, fstype="ext3", type="system", state="attached", vm=vm, position=0,
        date_created=now, date_updated=now,
    )
    get("provider", "Operation").objects.create(
        account=account, source=handle, type="vm_create", state="DONE", step="DONE", vm=vm, disk=disk,
        params={"vm_id": pk, "login": "admin"}, date_created=now, date_updated=now,
    )
get("provider", "Operation").objects.create(
    account=account, source=handle, type="vm_reboot", state="RUN", step="RUN", vm_id=456, params={"vm_id": 456},
    date_created=now, date_start=now - timedelta(hours=1), date_due=now, date_updated=now,
)
"""
NEW_ROWS = """
from hosting.provider.engine import run, specs
from hosting.provider.models import *
for vm in Vm.objects.order_by("pk"):
    guest = SimulatedGuest.objects.get(uuid=specs.guest_uuid(vm.pk))
    disk = vm.disks.get()
    assert (vm.host.name, vm.made, vm.login) == ("simulated", True, "admin")
    assert (disk.host, disk.made, disk.os) == (vm.host, True, vm.os)
    assert (guest.host_id, guest.memory_mb, guest.disks) == (vm.host.pk, 512, [disk.pk])
    print(vm.interface.ipv4, vm.interface.ipv6, guest.state, vm.interface.ipv6.reverse)
print(*AddressPool.objects.order_by("family").values_list("next_offset", flat=True))
"""


def test_vms_keep_their_addresses_and_get_a_simulated_host(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "PROVIDER_VAR_DIR": str(tmp_path),
        "PROVIDER_DATABASE_URL": f"sqlite:///{tmp_path / 'old.sqlite3'}",
    }
    shell = Shell("hosting.provider.settings", env)
    shell.run(OLD_ROWS)
    shell.stop()
    command = [sys.executable, "manage.py", "prepare_provider", "--settings", "hosting.provider.settings"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    shell = Shell("hosting.provider.settings", env)
    assert shell.run(NEW_ROWS).splitlines() == [
        "10.0.1.200 2001:db8::1c8 running www.example.net",
        "10.1.17.112 2001:db8::1:1170 halted ",
        "10.1.56.128 2001:db8::1:3880 paused ",
        "80001 80001",
    ]
    shell.stop()
