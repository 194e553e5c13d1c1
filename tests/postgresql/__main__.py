"""Run pytest with a PostgreSQL and a Redis of its own: `python -m tests.postgresql [arguments of pytest]`."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from panel.environment import new_secrets
from tests import databases
from tests.postgresql.server import cluster, deadlocks

# What asks a database something: constraints, locks, races, numbers of queries, search, sorting, pages. Tests of pure
# functions, of the API's client, of files and of looks would answer the same.
TESTS = (
    "tests/accounts",
    "tests/annotations",
    "tests/contract/test_changes.py",
    "tests/contract/test_money.py",
    "tests/contract/test_once.py",
    "tests/contract/test_operations.py",
    "tests/contract/test_vm_stats.py",
    "tests/inventory",
    "tests/mail",
    "tests/management",
    "tests/operations",
    "tests/postgresql",
    "tests/security/test_logs.py",
    "tests/security/test_strangers.py",
    "tests/teams",
    "tests/test_at_once.py",
    "tests/test_leases.py",
    "tests/test_one_winner.py",
    "tests/test_writes.py",
    "tests/web/access",
    "tests/web/audit",
    "tests/web/lists",
    "tests/web/views",
    "tests/browser/journeys/test_main_job.py",
)


def main(arguments: list[str]) -> int:
    """Run pytest and return its status: 1 also when PostgreSQL had to end a deadlock, which a second try may have
    hidden. Without a path among the arguments, all of `TESTS` run.
    """
    redis = shutil.which("redis-server")
    if redis is None:
        print("Redis is missing: make test-postgres installs Debian's redis-server", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    if not any(argument.startswith("tests") for argument in arguments):
        arguments = [*arguments, *TESTS]
    with cluster() as (url, log):
        # As `tests.servers` does for pytest, whose secrets are others.
        os.environ.update({**new_secrets(), databases.SERVER: url, "DATABASE_URL": url, "TEST_REDIS": redis})
        databases.prepare()
        status = _run([sys.executable, "-m", "pytest", *arguments])
        found = deadlocks(log)
        print(found, end="", file=sys.stderr)
        return status or int(bool(found))


def _run(command: Sequence[str]) -> int:
    """Run the tests and return their status. The first Ctrl-C lets them stop what they have started, the second kills
    them.
    """
    # In a session of their own, so that a terminal interrupts them once, and through us.
    tests = subprocess.Popen(command, start_new_session=True)
    interrupted = False
    while True:
        try:
            return tests.wait()
        except KeyboardInterrupt:
            if interrupted:
                os.killpg(tests.pid, signal.SIGKILL)
            else:
                tests.send_signal(signal.SIGINT)
            interrupted = True


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
