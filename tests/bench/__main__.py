"""`make bench`: each figure beside what the naive way takes, measured in the same run against the same provider.

`BENCH_N` servers with as many disks are imported (300 unless told otherwise; 1000 is the full form), and what is
timed alone is done `BENCH_REPEAT` times (3). Prints one table and writes `bench.json`. Ends with an error when what
was timed did not do its work.
"""

import os
import signal
import sys
from pathlib import Path

from tests.bench.report import BenchError, Figure, table, write
from tests.bench.scratch import Remote, world

OPEN_OPERATIONS = 50
LATENCY_MS = 20
MAIN, OTHER = "B1-BENCH", "B2-BENCH"


def measure(remote: Remote, vms: int, repeat: int) -> list[Figure]:
    """Everything, in an order in which no measurement disturbs the next."""
    from django.conf import settings
    from django.test import override_settings

    from hosting.accounts.models import Account
    from tests.bench import fleet, imports, pages, polls, tracking

    fleet.add(remote.provider, MAIN, vms)
    fleet.add(remote.provider, OTHER, OPEN_OPERATIONS)
    owner = fleet.owner()
    progress(f"first import and idle rounds, {vms} servers")
    figures = imports.measure(remote, MAIN, owner, vms, 0, repeat)
    remote.set_latency(LATENCY_MS)
    progress(f"first import and idle rounds, {vms} servers, {LATENCY_MS} ms at the provider")
    figures += imports.measure(remote, MAIN, owner, vms, LATENCY_MS, repeat)
    remote.set_latency(0)
    progress(f"{OPEN_OPERATIONS} operations")
    account = Account.objects.get(handle=MAIN)
    figures.append(tracking.measure(remote, account, owner, OTHER, OPEN_OPERATIONS))
    progress(f"what pages would take that ask the API, {LATENCY_MS} ms at the provider")
    api = fleet.naive_client(remote.provider, MAIN)
    remote.set_latency(LATENCY_MS)
    slow = pages.naive_times(api, repeat)
    remote.set_latency(0)
    progress("pages and polls")
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
        accounts = pages.accounts(owner)
        figures += pages.measure(owner, accounts, api, slow, repeat)
        figures.append(polls.measure(owner, accounts[1_000]))
    return figures


def progress(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    vms, repeat = int(os.environ.get("BENCH_N", "300")), int(os.environ.get("BENCH_REPEAT", "3"))
    if vms < OPEN_OPERATIONS or repeat < 1:
        print(f"bench: BENCH_N is at least {OPEN_OPERATIONS} and BENCH_REPEAT at least 1.", file=sys.stderr)
        return 2
    try:
        with world() as remote:
            figures = measure(remote, vms, repeat)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(figures))
    write(Path("bench.json"), figures, {"servers": vms, "repeat": repeat})
    return 0


if __name__ == "__main__":
    sys.exit(main())
