"""A worker does not restore its jobs when the broker goes away: kombu's way of doing so ends the worker."""

import os
from pathlib import Path

from kombu.transport.redis import Channel

from panel.celery import app
from tests.processes import free_port, start_valkey


def test_worker_holding_jobs_survives_a_broker_loss(tmp_path: Path) -> None:
    password, port = os.environ["VALKEY_PASSWORD"], free_port()
    valkey = start_valkey(port, password, tmp_path / "valkey.log")
    connection = app.connection_for_read(f"redis://:{password}@127.0.0.1:{port}/0")
    try:
        jobs = connection.SimpleQueue("operations")
        jobs.put("a job")
        jobs.get(timeout=5)
        channel = connection.default_channel
        assert isinstance(channel, Channel)
        assert not channel.do_restore
    finally:
        valkey.kill()
    # As a worker does when it has lost the connection.
    connection.collect()
    connection.close()
