"""The most memory that each process has held after all that was asked of it."""

from tests.bench.panel import Panel, peak_mb
from tests.bench.report import Figure
from tests.bench.scratch import Remote


def measure(remote: Remote, panel: Panel, servers: int) -> list[Figure]:
    pids = {name: process.popen.pid for name, process in panel.processes.items()}
    pids |= {"valkey": remote.valkey_pid, "provider": remote.provider.web.popen.pid}
    return [
        Figure(f"peak memory of {name}, {servers:,} servers", "MB", peak_mb(pid), None) for name, pid in pids.items()
    ]
