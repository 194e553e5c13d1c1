"""Redis refuses commands, drops its clients or is gone, under the real processes of the panel and of the provider: all
of them outlive it, pages still answer, and what was requested meanwhile is carried out afterwards.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.chaos.world import wait_until
from tests.live_panel import Panel
from tests.processes import free_port

# How long a process may need after an outage: the worker tries once a second, and a reboot takes some 100 ms.
RECOVERY_S = 15
# One for the outage and one for its end; a busy machine may be slow to answer, which is an outage of its own.
MOST_LINES = 4


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Panel]:
    running = Panel(tmp_path_factory.mktemp("outages"))
    yield running
    running.stop()


@contextmanager
def unblocked(panel: Panel) -> Iterator[None]:
    """What a failover tells clients that wait for a job."""
    server = panel.server()
    waiting = [client["id"] for client in server.client_list() if client["cmd"] == "brpop"]
    assert len(waiting) >= 2
    for client in waiting:
        server.client_unblock(int(client), error=True)
    yield


@contextmanager
def killed(panel: Panel) -> Iterator[None]:
    server = panel.server()
    for client in server.client_list():
        if int(client["id"]) != server.client_id():
            # It may have ended by itself meanwhile.
            server.client_kill_filter(_id=client["id"])
    yield


@contextmanager
def read_only(panel: Panel) -> Iterator[None]:
    """The server has become a replica of one that is not there."""
    server = panel.server()
    server.replicaof("127.0.0.1", free_port())
    yield
    server.replicaof("NO", "ONE")


@contextmanager
def replica_without_master(panel: Panel) -> Iterator[None]:
    """Such a replica may refuse reads too."""
    server = panel.server()
    server.config_set("replica-serve-stale-data", "no")
    server.replicaof("127.0.0.1", free_port())
    yield
    server.replicaof("NO", "ONE")
    server.config_set("replica-serve-stale-data", "yes")


@contextmanager
def out_of_memory(panel: Panel) -> Iterator[None]:
    server = panel.server()
    server.config_set("maxmemory", 1)
    yield
    server.config_set("maxmemory", 0)


@contextmanager
def other_password(panel: Panel) -> Iterator[None]:
    server = panel.server()
    server.config_set("requirepass", "another one")
    server.client_kill_filter(_type="normal", skipme=True)
    yield
    server.config_set("requirepass", os.environ["VALKEY_PASSWORD"])


@contextmanager
def too_many_clients(panel: Panel) -> Iterator[None]:
    server = panel.server()
    server.config_set("maxclients", 1)
    server.client_kill_filter(_type="normal", skipme=True)
    yield
    server.config_set("maxclients", 10_000)


@contextmanager
def gone(panel: Panel) -> Iterator[None]:
    panel.world.valkey.kill()
    yield
    panel.world.valkey.start()
    panel.world.valkey.wait_for_port(panel.world.valkey_port)


OUTAGES = [unblocked, killed, read_only, replica_without_master, out_of_memory, other_password, too_many_clients, gone]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda outage: outage.__name__)
def test_outage_ends_no_process_and_what_was_requested_meanwhile_is_carried_out(
    panel: Panel, outage: Callable[[Panel], AbstractContextManager[None]]
) -> None:
    logs = [log for log in panel.world.logs if log.exists() and log.name != "valkey.log"]
    sizes = [log.stat().st_size for log in logs]
    with outage(panel):
        panel.reboot()
        # Beat and the workers try several times.
        time.sleep(1.5)
        panel.browser.open(f"/accounts/{panel.account}/")
    assert wait_until("carried out", panel.is_done, RECOVERY_S), panel.ask("list(Operation.objects.values())")
    assert panel.world.dead() == []
    # The last to notice that it is over is who has nothing to do: the panel, until somebody opens a page.
    panel.browser.open(f"/accounts/{panel.account}/")
    for log, size in zip(logs, sizes, strict=True):
        told = [line for line in log.read_text(encoding="utf-8")[size:].splitlines() if not line.startswith("INFO")]
        assert all(line.startswith("WARNING redis_connections.outage: Redis is") for line in told), (log, told)
        assert len(told) <= MOST_LINES, (log, told)
        assert not told or "Redis is back" in told[-1], (log, told)
