"""A real web server of the panel, without its workers."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from tests import databases
from tests.processes import Process, free_port


@contextlib.contextmanager
def serving(directory: Path, **env: str) -> Iterator[int]:
    """Serve the panel by one process; the block gets its port. Its log is `web.log` in the directory."""
    port = free_port()
    env = {
        "DATABASE_URL": databases.panel(directory),
        "VAR_DIR": str(settings.VAR_DIR),
        "VALKEY_PORT": os.environ["VALKEY_PORT"],
        "WEB_WORKERS": "1",
        **env,
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "python:panel.serving", "panel.wsgi"]
    server = Process([*command, "--bind", f"127.0.0.1:{port}"], env, directory / "web.log")
    server.wait_for_port(port)
    try:
        yield port
    finally:
        server.stop()
