"""`tools/hypervisor`: ready at once, and nothing is left of it."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.hypervisor.hypervisor import Hypervisor, processes, running_hypervisor
from tests.processes import ROOT


def left_behind(directory: Path) -> list[str]:
    """What a hypervisor would have left on this machine."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(directory) in line]
    bridges = [entry.name for entry in Path("/sys/class/net").iterdir() if (entry / "bridge").exists()]
    return [*processes(str(directory)).values(), *mounts, *(name for name in bridges if name == "sd0")]


def changes() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_is_ready_within_five_seconds_and_leaves_nothing(guest_image: Path) -> None:
    before = changes()
    began = time.monotonic()
    with running_hypervisor() as hypervisor:
        assert time.monotonic() - began < 5
        assert hypervisor.call("status").returncode == 0
        assert "is running already" in hypervisor.call("start").stdout
    assert left_behind(hypervisor.directory) == []
    assert not hypervisor.directory.exists()
    assert changes() == before


def test_libvirtd_is_started_again_when_it_dies(hypervisor: Hypervisor) -> None:
    first = hypervisor.libvirtd()
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    while hypervisor.call("status").returncode:
        assert time.monotonic() - began < 10
        time.sleep(0.1)
    assert hypervisor.libvirtd() != first


def test_image_is_built_once_for_all_who_ask_at_the_same_time(guest_image: Path, tmp_path: Path) -> None:
    shutil.copytree(guest_image.parent / "packages", tmp_path / "packages")
    build = [ROOT / "tools/guest-image/build", tmp_path]
    asking = [subprocess.Popen(build, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = {process.communicate(timeout=300)[0].strip() for process in asking}
    assert [process.returncode for process in asking] == [0, 0, 0]
    assert answers == {str(tmp_path / guest_image.name)}
    assert {file.name for file in tmp_path.iterdir()} == {"packages", "lock", guest_image.name}


def test_says_what_it_needs() -> None:
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--clear-groups", ROOT / "tools/hypervisor", "start"],
        env={**os.environ, "VAR_DIR": "/tmp/nobodys"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs root" in done.stderr
    assert "docs/hypervisor.md" in done.stderr


@pytest.mark.parametrize("verb", ["stop", "status", "enter"])
def test_verbs_without_a_hypervisor_say_so(verb: str, tmp_path: Path) -> None:
    done = Hypervisor(tmp_path).call(verb, *(["true"] if verb == "enter" else []))
    assert "is not running" in done.stdout + done.stderr
