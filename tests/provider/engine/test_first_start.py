"""With real hosts, VMs of the demonstration are rows alone until they are first started."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from hosting.provider.drivers.base import Again, Work
from tests.contract.conftest import Member
from tests.processes import ROOT, Provider, start_provider
from tests.provider.engine.recording import RecordingDriver

HOST = "from hosting.provider.models import *; Host.objects.create(name={!r}, cores=4, memory_mb=8192, pool_mb=10**6)"
STATE = """
from hosting.provider.models import *
vm = Vm.objects.get(pk={})
print(vm.host and vm.host.name, vm.made, *((disk.host and disk.host.name, disk.made) for disk in vm.disks.all()))
"""


class RealDriver:
    """As far as the provider knows, its hosts are real."""

    def __init__(self) -> None:
        self._inner = RecordingDriver()

    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        if work.type == "vm_start":
            assert work.after
            assert work.after.nic
            assert not work.after.disks[0].made
            assert work.after.login == "admin"
        return self._inner.carry_out(work, fence)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    directory = tmp_path_factory.mktemp("real")
    env = {
        "PROVIDER_DRIVER": "tests.provider.engine.test_first_start.RealDriver",
        "PROVIDER_DATABASE_URL": f"sqlite:///{directory / 'real.sqlite3'}",
    }
    prepare = [sys.executable, "manage.py", "prepare_provider", "--settings", "hosting.provider.settings"]
    subprocess.run(prepare, cwd=ROOT, env={**os.environ, **env, "PROVIDER_VAR_DIR": str(directory)}, check=True)
    running = start_provider(directory, **env)
    yield running
    running.stop()


@pytest.fixture
def member(provider: Provider) -> Member:
    return Member(provider.url, "AA1234-GANDI", "mypassword")


def test_vm_of_the_demonstration_is_made_by_its_first_start(provider: Provider, member: Member) -> None:
    assert {member.vm_info(vm_id)["state"] for vm_id in member.vm_list()} == {"halted"}
    assert provider.shell(STATE.format(456)) == "None False (None, False) (None, False)"
    assert member.code("vm_start", 456) == 580160
    provider.shell(HOST.format("one"))
    # What it is before its first start is a matter of rows.
    member.done(member.vm_update(456, {"shares": 4}))
    member.done(member.disk_attach(1928, 456))
    assert not (provider.directory / "calls").exists()
    member.done(member.vm_start(456))
    assert member.vm_info(456)["state"] == "running"
    assert provider.shell(STATE.format(456)) == "one True ('one', True) ('one', True) ('one', True)"


def test_vm_that_was_never_made_is_deleted_without_its_host(provider: Provider, member: Member) -> None:
    member.done(member.vm_delete(9876))
    assert ",vm_delete," not in (provider.directory / "calls").read_text()


def test_vm_is_made_where_one_of_its_disks_is(provider: Provider, member: Member) -> None:
    disk_id = member.new_disk()
    provider.shell(HOST.format("two") + "; Host.objects.filter(name='two').update(cores=400)")
    member.done(member.disk_attach(disk_id, 2002))
    member.done(member.vm_start(2002))
    assert provider.shell(STATE.format(2002)).split()[0] == "one"
