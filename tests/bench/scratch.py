"""The bench's own world: a directory, a Valkey, a provider and a database, all gone afterwards."""

import contextlib
import os
import shlex
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django
from django.core.management import call_command

# What `tests.processes` makes on import must go with the rest.
_directory = tempfile.TemporaryDirectory(prefix="sharedeck-bench-", ignore_cleanup_errors=True)
tempfile.tempdir = _directory.name

from panel.environment import new_secrets  # noqa: E402
from tests.processes import Provider, free_port, start_provider, start_valkey  # noqa: E402

# Each call writes who made it, once it was answered: both sides are counted at the same place, at the provider.
_USER_AGENT_ALONE = "%(a)s"
OURS, NAIVE = "Sharedeck", "Python-xmlrpc"


@dataclass
class Remote:
    """The running provider, with a count of the calls that it has answered."""

    provider: Provider
    log: Path

    def calls(self, agent: str) -> int:
        """Calls answered so far to clients whose User-Agent begins with `agent`."""
        # The line is written right after the answer.
        time.sleep(0.2)
        return sum(line.startswith(agent) for line in self.log.read_text(encoding="utf-8").splitlines())

    def set_latency(self, latency_ms: int) -> None:
        """Have every call wait that long at the provider, in milliseconds, before it is worked on."""
        self.provider.web.env["PROVIDER_LATENCY_MS"] = str(latency_ms)
        self.provider.restart_web()


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
    os.environ.update(
        DJANGO_SETTINGS_MODULE="panel.settings",
        VAR_DIR=str(directory / "var"),
        DATABASE_URL=f"sqlite:///{directory / 'panel.sqlite3'}",
        VALKEY_PORT=str(free_port()),
        API_RATE_LIMIT="0",
        LOG_LEVEL="WARNING",
    )
    log = directory / "calls.log"
    access_log = f"--access-logfile {shlex.quote(str(log))} --access-logformat {shlex.quote(_USER_AGENT_ALONE)}"
    with _directory, contextlib.ExitStack() as running:
        valkey = start_valkey(int(os.environ["VALKEY_PORT"]), os.environ["VALKEY_PASSWORD"], directory / "valkey.log")
        running.callback(valkey.stop)
        django.setup()
        call_command("migrate", verbosity=0)
        provider = start_provider(
            directory / "provider", PROVIDER_SPEED="1", PROVIDER_LATENCY_MS="0", GUNICORN_CMD_ARGS=access_log
        )
        running.callback(provider.stop)
        yield Remote(provider, log)
