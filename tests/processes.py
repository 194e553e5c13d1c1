"""Start and stop the real servers that tests talk to. Each one belongs to whoever started it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A child process in its own group, so that killing it takes its children along."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self.arguments = list(arguments)
        self.env = {**os.environ, **env}
        self.log = log
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                self.arguments, cwd=ROOT, env=self.env, stdout=output, stderr=output, start_new_session=True
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
    """The embedded Valkey server, as `make run` starts it."""
    process = Process(
        [sys.executable, "-m", "panel.valkey"], {"VALKEY_PORT": str(port), "VALKEY_PASSWORD": password}, log
    )
    process.wait_for_port(port)
    return process
