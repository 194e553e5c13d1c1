"""The product's real processes, one of each kind and two workers, with limits so short that a loss shows in seconds."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.chaos.sqlite3.base import away, restarted
from tests.processes import ROOT, Process, Provider, free_port, start_provider, start_valkey

LIMITS = {
    "LEASE_S": "5",
    "UNCERTAIN_GRACE_S": "2",
    "API_CONNECT_TIMEOUT_S": "1",
    "API_READ_TIMEOUT_S": "1.5",
    "MIRROR_ROUND_S": "2",
    "MIRROR_REREAD_S": "15",
    "API_RATE_LIMIT": "0",
    "LOG_LEVEL": "WARNING",
}
# A writer that finds the database taken gives up after this many seconds, so that writes really fail.
_WRITE_PATIENCE_S = 0.5
# Operations at the provider last some 100 ms, a new server about two seconds.
_SPEED = "0.02"


class World:
    """Web, two workers, beat, Valkey, and the provider's web and worker. `env` overrides settings of the panel."""

    def __init__(
        self, directory: Path, database: Path, *, extensions: bool, env: Mapping[str, str] | None = None
    ) -> None:
        self.directory, self.database = directory, database
        self.logs = [
            directory / f"{name}.log"
            for name in ("web", "worker", "background", "listener", "beat", "second-beat", "valkey")
        ]
        self.valkey_port, self.port = free_port(), free_port()
        password = os.environ["VALKEY_PASSWORD"]
        self.valkey = start_valkey(self.valkey_port, password, directory / "valkey.log")
        (directory / "provider").mkdir()
        self.provider: Provider = start_provider(
            directory / "provider",
            PROVIDER_REDIS_URL=f"redis://:{password}@127.0.0.1:{self.valkey_port}/1",
            PROVIDER_SPEED=_SPEED,
        )
        self.logs += [self.provider.web.log, self.provider.worker.log]
        self.env: dict[str, str | None] = {
            **LIMITS,
            "API_EXTENSIONS": str(extensions),
            "DATABASE_URL": f"tests.chaos.sqlite3:///{database}?timeout={_WRITE_PATIENCE_S}",
            "VAR_DIR": str(directory),
            "VALKEY_PORT": str(self.valkey_port),
            "BIND": f"127.0.0.1:{self.port}",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **(env or {}),
        }
        self._collect_static()
        self.web = self._serve("web")
        self.workers = [self._serve(name) for name in ("worker", "background", "listener")]
        self.beat = self._serve("beat")
        self.second_beat: Process | None = None
        self.web.wait_for_port(self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def provider_database(self) -> Path:
        return self.provider.directory / "provider.sqlite3"

    def script(self, rules: str) -> None:
        """Have the provider's calls go wrong by these rules; it never reads half of them."""
        draft = self.directory / "faults.draft"
        draft.write_text(rules, encoding="utf-8")
        draft.replace(self.provider.faults_file)

    def scripted(self) -> list[str]:
        """The calls that went wrong by a rule so far, such as "vm_info:garbage"."""
        marker = "scripted fault: "
        text = self.provider.web.log.read_text(encoding="utf-8", errors="replace")
        return [line.partition(marker)[2].strip() for line in text.splitlines() if marker in line]

    def restart_valkey(self) -> None:
        """Every key is lost: nothing is ever saved to disk."""
        self.valkey.restart()
        self.valkey.wait_for_port(self.valkey_port)

    def freeze(self, seconds: float) -> None:
        """Have the provider's web processes stand still for a while."""
        group = self.provider.web.popen.pid
        os.killpg(group, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(group, signal.SIGCONT)

    def close_database(self, seconds: float) -> None:
        """The panel's database goes away for a while, and all connections to it break."""
        gone = away(self.database)
        gone.touch()
        time.sleep(seconds)
        restarted(self.database).touch()
        gone.unlink()

    def start_second_beat(self) -> None:
        command = [sys.executable, "-m", "celery", "-q", "-A", "panel", "beat", "--loglevel", "WARNING", "--pidfile="]
        self.second_beat = Process(
            [*command, "--schedule", str(self.directory / "second-beat")],
            self.env,
            self.directory / "second-beat.log",
        )

    def stop_second_beat(self) -> None:
        if self.second_beat is not None:
            self.second_beat.kill()
            self.second_beat = None

    def calm(self) -> None:
        """Nothing goes wrong from now on."""
        self.script("")
        self.stop_second_beat()

    def dead(self) -> list[str]:
        """The processes that have ended by themselves."""
        processes = {
            "valkey": self.valkey,
            "provider": self.provider.web,
            "provider's worker": self.provider.worker,
            "web": self.web,
            "beat": self.beat,
            **{f"worker {number}": worker for number, worker in enumerate(self.workers, start=1)},
        }
        return [name for name, process in processes.items() if process.popen.poll() is not None]

    def stop(self) -> None:
        for process in (self.web, *self.workers, self.beat, self.second_beat, self.valkey):
            if process is not None:
                process.kill(signal.SIGKILL)
        self.provider.stop()

    def keep_logs(self, where: Path) -> None:
        """For whoever looks for the cause of a violation."""
        where.mkdir(parents=True, exist_ok=True)
        for log in self.logs:
            if log.exists():
                shutil.copy(log, where / f"{log.parent.name}-{log.name}")

    def _serve(self, name: str) -> Process:
        """Start a line of the Procfile, as `make run` and compose do."""
        return Process(["tools/serve", name], self.env, self.directory / f"{name}.log")

    def _collect_static(self) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--no-input", "-v", "0"],
            cwd=ROOT,
            env={**os.environ, **{name: value for name, value in self.env.items() if value is not None}},
            check=True,
        )


def wait_until(what: str, check: Callable[[], bool], seconds: float) -> bool:
    """Whether `check()` became true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
