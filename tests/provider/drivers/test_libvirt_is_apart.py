"""libvirt is the worker's business: a provider without real hosts need not have it, and its web process never does."""

import os
import subprocess
import sys

from tests.processes import ROOT

IN_THE_WEB_PROCESS = """
import sys
import hosting.provider.wsgi
from hosting.provider.engine import accept
from hosting.provider.engine.driver import driver
assert type(driver()).__name__ == "LibvirtDriver"
assert driver().estimate_s("vm_create") > driver().estimate_s("disk_create") > 0
# Consoles are served by a process of their own, too.
print(sorted(name for name in sys.modules if name.startswith(("libvirt", "websockets"))))
"""


def test_web_process_never_imports_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_THE_WEB_PROCESS],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "hosting.provider.settings",
            "PROVIDER_DRIVER": "hosting.provider.drivers.libvirt.LibvirtDriver",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_whatever_does_not_reach_a_host_runs_without_it() -> None:
    """As on a machine where libvirt's package for Python is not installed."""
    blocked = "import sys; sys.modules['libvirt'] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", blocked + "import hosting.provider.drivers.libvirt as driver; driver.LibvirtDriver()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
