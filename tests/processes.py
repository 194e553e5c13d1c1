"""Start and stop the real servers that tests talk to. Each one belongs to whoever started it."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests import databases
from tests.shell import Shell

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A child process in its own group, so that killing it takes its children along."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str | None], log: Path) -> None:
        self.arguments = list(arguments)
        # None takes a variable of the test run away.
        self.env = {name: value for name, value in {**os.environ, **env}.items() if value is not None}
        self.log = log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.arguments,
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # A login's, not that of the test run, which has loaded the settings.
                umask=0o022,
            )

    def kill(self, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send `sig` to the whole group and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, sig)
        self.popen.wait(timeout=20)

    def stop(self) -> None:
        """End it politely, then by force."""
        try:
            self.kill(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        self.kill()
        self.start()

    def wait_for_port(self, port: int, seconds: float = 30) -> None:
        """Return when the port accepts a connection.

        Raises:
            RuntimeError: when the process ends, or the time runs out; the message holds its log.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.popen.poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"{self.arguments} did not listen on {port}:\n{self.log.read_text()[-4000:]}")


def start_valkey(port: int, password: str, log: Path) -> Process:
    """The embedded Valkey server, as `make run` starts it; Redis with the same configuration if the run uses that."""
    start = ["-m", "panel.valkey"]
    if binary := os.environ.get("TEST_REDIS"):
        start = ["-c", f"from panel import valkey; valkey.become({binary!r})"]
    process = Process([sys.executable, *start], {"VALKEY_PORT": str(port), "VALKEY_PASSWORD": password}, log)
    process.wait_for_port(port)
    return process


@dataclass
class Provider:
    """A running provider with a directory, a database and a Valkey number of its own."""

    directory: Path
    port: int
    env: dict[str, str]
    web: Process
    worker: Process
    _shell: Shell = field(init=False)

    def __post_init__(self) -> None:
        self._shell = Shell("hosting.provider.settings", {**os.environ, **self.env})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/xmlrpc/"

    @property
    def faults_file(self) -> Path:
        """Rules written here are in force from the next call on (see `hosting.provider.endpoint.scripted_faults`)."""
        return self.directory / "faults"

    @contextlib.contextmanager
    def faults(self, rules: str) -> Iterator[None]:
        """Have calls go wrong while the block runs."""
        self.faults_file.write_text(rules, encoding="utf-8")
        try:
            yield
        finally:
            self.faults_file.unlink()

    def manage(self, *arguments: str) -> str:
        """Run a management command against its database and return what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments, "--settings", "hosting.provider.settings"],
            cwd=ROOT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stderr[-4000:]}")
        return done.stdout

    def shell(self, code: str) -> str:
        """Run Python in its project and return what it printed."""
        return self._shell.run(code)

    def kill_worker(self) -> None:
        """End the worker as a power cut would."""
        self.worker.kill()

    def kill_web(self) -> None:
        """End the web server and wait until the last of its processes has let go of the port."""
        self.web.kill()
        deadline = time.monotonic() + 10
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < deadline:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                time.sleep(0.02)

    def start_web(self) -> None:
        self.web.start()
        self.web.wait_for_port(self.port)

    def restart_web(self) -> None:
        self.kill_web()
        self.start_web()

    def start_console(self, **env: str) -> Process:
        """The process that serves consoles; whoever starts it stops it. `env` overrides its settings."""
        command = [sys.executable, "manage.py", "provider_console", "--settings", "hosting.provider.settings"]
        process = Process(command, {**self.env, **env}, self.directory / "console.log")
        process.wait_for_port(int(self.env["PROVIDER_CONSOLE_PORT"]))
        return process

    def stop(self) -> None:
        """End both at once: a polite end waits for kept connections and for the broker."""
        self._shell.stop()
        self.web.kill()
        self.worker.kill()


_redis_numbers = itertools.cycle(range(2, 16))


def start_provider(directory: Path, **env: str) -> Provider:
    """A provider with the demonstration in it, on a free port; its operations are done at once.

    Nothing limits the rate of calls. `env` overrides its settings, for instance `PROVIDER_RATE_LIMIT="30"`.
    """
    port = free_port()
    number = next(_redis_numbers)
    redis_url = f"redis://:{os.environ['VALKEY_PASSWORD']}@127.0.0.1:{os.environ['VALKEY_PORT']}/{number}"
    settings = {
        "PROVIDER_VAR_DIR": str(directory),
        "PROVIDER_REDIS_URL": redis_url,
        "PROVIDER_FAULTS": f"@{directory / 'faults'}",
        "PROVIDER_SPEED": "0",
        "PROVIDER_RATE_LIMIT": "0",
        "PROVIDER_ADMIN_PASSWORD": "staff-passw0rd",
        "PROVIDER_CONSOLE_PORT": str(free_port()),
        **env,
    }
    web = [sys.executable, "-m", "gunicorn", "-c", "python:hosting.provider.serving", "hosting.provider.wsgi"]
    web += ["--bind", f"127.0.0.1:{port}", "--log-level", "info"]
    if "PROVIDER_DATABASE_URL" not in settings:
        settings["PROVIDER_DATABASE_URL"] = databases.provider(directory, settings)
    provider = Provider(
        directory,
        port,
        settings,
        Process(web, settings, directory / "web.log"),
        Process(
            ["tools/serve", "providerworker"],
            {**settings, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            directory / "worker.log",
        ),
    )
    provider.web.wait_for_port(port)
    return provider
