"""The broker goes away: a worker does not restore its jobs, which would end it, and nobody who asks for a job waits."""

import os
from pathlib import Path

import pytest
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel
from kombu.utils import functional

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


def test_job_is_given_up_at_once_while_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(functional, "sleep", pauses.append)
    connection = app.connection_for_write(f"redis://127.0.0.1:{free_port()}/0")
    with connection, pytest.raises(OperationalError):
        _ = connection.default_channel
    assert pauses == []
