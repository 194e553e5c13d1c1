"""Pytest plugin (loaded with `-p`, before Django's settings): one real Valkey server for the whole run."""

import os
import tempfile
from pathlib import Path

import pytest

from panel.environment import new_secrets
from tests.processes import Process, free_port, start_valkey

valkey_port = free_port()
logs = Path(tempfile.mkdtemp(prefix="sharedeck-tests-"))
valkey: list[Process] = []

os.environ.update(new_secrets())
os.environ["VALKEY_PORT"] = str(valkey_port)
os.environ.pop("REDIS_URL", None)
# Most tests run no workers, and their pages do not say so.
os.environ.setdefault("SILENCE_LIMIT_S", "86400")


def pytest_sessionstart(session: pytest.Session) -> None:
    if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
        return  # The processes that run the tests have one each.
    valkey.append(start_valkey(valkey_port, os.environ["VALKEY_PASSWORD"], logs / "valkey.log"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    for process in valkey:
        process.stop()
