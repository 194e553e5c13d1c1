"""What viewers of consoles cost the process that serves them."""

import time
from contextlib import ExitStack

import psutil

from tests.bench import fleet
from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import Remote
from tests.provider.console.watching import Watcher
from tests.stack import Remote as Api

_VIEWERS = 200
_MOST_MB = 150
# At a prompt, each of them is answered by a line of 20 bytes or more.
_ENTER = "\r" * 4000
_LAST = "echo the last\r"


def measure(remote: Remote, handle: str) -> Figure:
    """The memory (PSS) of the process with 200 viewers, each of a server of its own that has printed 64 KB."""
    api = fleet.naive_client(remote.provider, handle)
    ids = api.vm_list()[:_VIEWERS]
    require(len(ids) == _VIEWERS, f"{len(ids)} servers instead of {_VIEWERS}")
    process = remote.provider.start_console()
    try:
        alone_mb = _pss_mb(process.popen.pid)
        with ExitStack() as leaving:
            viewers = [leaving.enter_context(_viewer(api, vm_id)) for vm_id in ids]
            for viewer in viewers:
                viewer.log_in()
                viewer.type(_ENTER + _LAST)
                viewer.until("\r\nthe last\r\n")
            time.sleep(1)
            held_mb = _pss_mb(process.popen.pid)
    finally:
        process.stop()
    return Figure(
        f"memory of the process of consoles, {_VIEWERS} idle viewers",
        "MB",
        held_mb,
        None,
        f"PSS; {alone_mb:.0f} MB without viewers; a server of its own for each, with 64 KB to show",
        target=at_most(_MOST_MB, held_mb, "MB"),
    )


def _viewer(api: Api, vm_id: int) -> Watcher:
    return Watcher(getattr(api, "sharedeck.console")(vm_id)["url"])


def _pss_mb(pid: int) -> float:
    return float(psutil.Process(pid).memory_full_info().pss) / 2**20
