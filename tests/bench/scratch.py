"""The bench's own world: a directory, a Valkey, a provider and a database, all gone afterwards."""

import contextlib
import os
import shlex
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
from django.core.management import call_command

# What `tests.processes` makes on import must go with the rest.
_directory = tempfile.TemporaryDirectory(prefix="sharedeck-bench-", ignore_cleanup_errors=True)
tempfile.tempdir = _directory.name

from panel.environment import new_secrets  # noqa: E402
from tests.processes import Provider, free_port, start_provider, start_valkey  # noqa: E402

# Each call writes who made it and its status, once it was answered: both sides are counted at the same place.
_AGENT_AND_STATUS = "%(a)s %(s)s"
OURS, NAIVE = "Sharedeck", "Python-xmlrpc"


@dataclass(frozen=True)
class RemoteOperation:
    """What the provider's database says of one operation. Its stamps have fractions of a second, unlike its answers."""

    created_at: float
    updated_at: float
    state: str


@dataclass
class Remote:
    """The running provider, with what it knows better than anybody: its calls, and when things happened there."""

    provider: Provider
    log: Path
    valkey_pid: int

    def calls(self, agent: str, status: str = "") -> int:
        """Calls answered so far to clients whose User-Agent begins with `agent`, all or those of one HTTP status."""
        # The line is written right after the answer.
        time.sleep(0.2)
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return sum(line.startswith(agent) and line.endswith(status) for line in lines)

    def set_web(self, **env: str) -> None:
        """Restart what answers calls with other settings, for instance `PROVIDER_LATENCY_MS="20"`."""
        self.provider.web.env.update(env)
        self.provider.restart_web()

    def set_latency(self, latency_ms: int) -> None:
        """Have every call wait that long at the provider, in milliseconds, before it is worked on."""
        self.set_web(PROVIDER_LATENCY_MS=str(latency_ms))

    def set_speed(self, speed: float) -> None:
        """Have simulated work take that many times its believable time, also what is under way."""
        self.provider.worker.env["PROVIDER_SPEED"] = str(speed)
        self.provider.worker.restart()
        self.set_web(PROVIDER_SPEED=str(speed))

    def operations(self, after: int = 0) -> dict[int, RemoteOperation]:
        """The provider's operations with numbers above `after`, from its own database."""
        path = self.provider.directory / "provider.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            rows = database.execute(
                "SELECT id, date_created, date_updated, state FROM provider_operation WHERE id > ?", (after,)
            ).fetchall()
        return {
            number: RemoteOperation(_stamp(created), _stamp(updated), state) for number, created, updated, state in rows
        }


def _stamp(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@contextlib.contextmanager
def _database(url: str) -> Iterator[str]:
    """An empty database: a file, or a new one on the PostgreSQL server that `url` names, which is dropped again."""
    if not url.startswith(("postgres://", "postgresql://")):
        yield f"sqlite:///{Path(_directory.name) / 'panel.sqlite3'}"
        return
    import psycopg

    name = f"sharedeck_bench_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        django.db.connections.close_all()
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def world() -> Iterator[Remote]:
    """Start everything, with Django set up on an empty database; end and remove everything afterwards.

    Nothing limits the rate of calls. Simulated operations take their believable time (`PROVIDER_SPEED` 1).
    """
    directory = Path(_directory.name)
    for name in ("var/static", "provider"):
        (directory / name).mkdir(parents=True)
    for name in ("REDIS_URL", "DEBUG", "HTTPS", "MIRROR_ROUND_S", "MIRROR_REREAD_S"):
        os.environ.pop(name, None)
    os.environ.update(new_secrets())
    log = directory / "calls.log"
    access_log = f"--access-logfile {shlex.quote(str(log))} --access-logformat {shlex.quote(_AGENT_AND_STATUS)}"
    with _directory, contextlib.ExitStack() as running:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="panel.settings",
            VAR_DIR=str(directory / "var"),
            DATABASE_URL=running.enter_context(_database(os.environ.get("DATABASE_URL", ""))),
            VALKEY_PORT=str(free_port()),
            API_ENDPOINTS="None=http://127.0.0.1:9/",
            API_RATE_LIMIT="0",
            LOG_LEVEL="WARNING",
        )
        valkey = start_valkey(int(os.environ["VALKEY_PORT"]), os.environ["VALKEY_PASSWORD"], directory / "valkey.log")
        running.callback(valkey.stop)
        django.setup()
        call_command("migrate", verbosity=0)
        provider = start_provider(
            directory / "provider", PROVIDER_SPEED="1", PROVIDER_LATENCY_MS="0", GUNICORN_CMD_ARGS=access_log
        )
        running.callback(provider.stop)
        yield Remote(provider, log, valkey.popen.pid)
