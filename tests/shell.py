"""A Python in a Django project that stays: starting one takes longer than most of what tests run in it."""

import contextlib
import io
import json
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


class Shell:
    """It starts with the first run, and ends with whoever started it."""

    def __init__(self, settings: str, env: Mapping[str, str]) -> None:
        self.env = {**env, "DJANGO_SETTINGS_MODULE": settings}
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str) -> str:
        """Run Python and return what it printed.

        Raises:
            RuntimeError: when it fails; the message holds its traceback.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.shell"],
                cwd=_ROOT,
                env=self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the shell ended: {self._process.wait()}")
        printed, error = json.loads(answer)
        if error:
            raise RuntimeError(error[-4000:])
        return str(printed).strip()

    def stop(self) -> None:
        """Without input it ends by itself."""
        if self._process is not None and self._process.stdin:
            self._process.stdin.close()
            self._process.wait(timeout=20)
            self._process = None


def serve() -> None:
    """Run what each line holds, and answer with what it printed and with its traceback, until there is no line."""
    import django
    from django.db import connections

    answers = sys.stdout
    django.setup()
    for line in sys.stdin:
        printed, error = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(json.loads(line), {})
            except Exception:  # noqa: BLE001 - whatever it was, the other side says so
                error = traceback.format_exc()
            # Nobody waits for a lock that nothing holds any more, and a database may be another one by the next line.
            connections.close_all()
        answers.write(json.dumps([printed.getvalue(), error]) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
