"""The private server of these tests ends with the process that started it, and leaves nothing behind."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.processes import ROOT

_START = """
import time
from tests.postgresql.server import cluster
with cluster() as (url, log):
    print(url, log, flush=True)
    time.sleep(120)
"""


def answers(url: str) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2).close()
        return True
    return False


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda end: end.name)
def test_server_ends_however_its_starter_ends(end: signal.Signals) -> None:
    starter = subprocess.Popen([sys.executable, "-c", _START], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert starter.stdout
    url, log = starter.stdout.readline().split()
    assert answers(url)
    starter.send_signal(end)
    starter.wait(30)
    deadline = time.monotonic() + 30
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # After a signal that nothing can be done about, only its files stay.
    assert Path(log).exists() == (end is not signal.SIGINT)
