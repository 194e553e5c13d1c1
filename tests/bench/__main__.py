"""`make bench`: each figure beside what the naive way takes, measured in the same run against the same provider.

| variable | default | meaning |
|---|---|---|
| `BENCH_N` | 1000 | servers that are imported, with as many disks |
| `BENCH_REPEAT` | 3 | how often what is timed alone is done |
| `BENCH_ONLY` | all | some of: imports, panel, following, sampling, limit, pages, servers, consoles |
| `BENCH_MARKDOWN` | off | print the table as Markdown (`--markdown` does the same) |
| `DATABASE_URL` | SQLite | a PostgreSQL server: the bench makes a database of its own there, and drops it |

Prints one table and writes `bench.json`. Ends with an error when what was timed did not do its work.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.report import BenchError, Figure, markdown, table, write
from tests.bench.scratch import Remote, world

LATENCY_MS = 20
MAIN, OTHER, LIMITED = "B1-BENCH", "B2-BENCH", "B3-BENCH"
# Servers of the account that is read at the rate limit, which takes 20 s; and the operations that are open at once.
AT_THE_LIMIT, OPEN_OPERATIONS = 300, 200
SMALLEST = 100


class Bench:
    """What is measured, in an order in which no part disturbs the next."""

    def __init__(self, remote: Remote, vms: int, repeat: int) -> None:
        from tests.bench import fleet

        self.remote, self.vms, self.repeat = remote, vms, repeat
        fleet.add(remote.provider, MAIN, vms)
        fleet.add(remote.provider, OTHER, OPEN_OPERATIONS)
        fleet.add(remote.provider, LIMITED, AT_THE_LIMIT)
        self.owner = fleet.owner()

    def parts(self) -> dict[str, Callable[[], list[Figure]]]:
        return {
            "imports": self.imports,
            "panel": self.panel,
            "following": self.following,
            "sampling": self.sampling,
            "limit": self.limit,
            "servers": self.servers,
            "consoles": self.consoles,
            "pages": self.pages,
        }

    def imports(self) -> list[Figure]:
        """Reading an account, in this process."""
        from tests.bench import imports, rates

        figures = imports.measure(self.remote, MAIN, self.owner, self.vms, 0, self.repeat)
        figures.append(rates.measure_bare(self.remote, MAIN, self.owner, self.vms, self.repeat))
        self.remote.set_latency(LATENCY_MS)
        figures += imports.measure(self.remote, MAIN, self.owner, self.vms, LATENCY_MS, self.repeat)
        self.remote.set_latency(0)
        figures.append(rates.measure_limited(self.remote, LIMITED, self.owner, AT_THE_LIMIT))
        return figures

    def panel(self) -> list[Figure]:
        """The real processes: an import, polls, many operations, a member's clicks, and what they hold afterwards."""
        from hosting.accounts.models import Account
        from tests.bench import delays, fleet, memory, polls, tracking
        from tests.bench.panel import running_panel
        from tests.bench.report import require
        from tests.bench.timing import wait_until

        Account.objects.all().delete()
        account = fleet.account(self.remote.provider, MAIN, self.owner)
        with running_panel() as panel:
            imported = Account.objects.filter(pk=account.pk, mirrored_at__isnull=False)
            require(wait_until(imported.exists, 120), "the processes did not import the account")
            account.refresh_from_db()
            progress("live polls")
            figures = [polls.measure(panel, self.owner, account)]
            many, few = min(self.vms, 1_000), min(self.vms, OPEN_OPERATIONS)
            progress(f"{few} operations")
            figures.append(tracking.measure(self.remote, account, self.owner, OTHER, few))
            progress(f"{many:,} operations")
            figures.append(tracking.measure_many(self.remote, account, self.owner, many))
            progress("clicks")
            figures += delays.measure(self.remote, panel, account, self.owner, OTHER)
            return figures + memory.measure(self.remote, panel, self.vms)

    def following(self) -> list[Figure]:
        """The provider's extensions beside version 1 of the API alone."""
        from tests.bench import following

        figures = [following.measure_import(self.remote, MAIN, self.owner, self.vms)]
        figures += following.measure_processes(self.remote, OTHER, self.owner)
        return figures + following.measure_held(self.remote, MAIN)

    def sampling(self) -> list[Figure]:
        """The provider's engine, which asks hosts what their guests use."""
        from tests.bench import sampling

        return [sampling.measure(self.remote, self.repeat)]

    def limit(self) -> list[Figure]:
        """The real processes at the API's rate limit."""
        from hosting.accounts.models import Account
        from tests.bench import delays, fleet, rates
        from tests.bench.panel import running_panel

        Account.objects.all().delete()
        self.remote.set_web(PROVIDER_RATE_LIMIT=str(rates.LIMIT))
        account = fleet.account(self.remote.provider, LIMITED, self.owner)
        with running_panel(API_RATE_LIMIT=str(rates.LIMIT)) as panel:
            figure = delays.measure_busy(self.remote, panel, account, self.owner)
        self.remote.set_web(PROVIDER_RATE_LIMIT="0")
        return [figure]

    def servers(self) -> list[Figure]:
        """The web servers of the panel and of the provider under load."""
        from tests.bench import mirror_rows, servers

        progress("web server of the panel")
        figures = servers.measure_panel(self.owner, mirror_rows.account_with(1_000, self.owner))
        progress("web server of the provider")
        return figures + servers.measure_provider(self.remote, MAIN)

    def consoles(self) -> list[Figure]:
        """The processes that hold the consoles of servers, at the provider and in the panel."""
        from tests.bench import consoles, provider_consoles

        return [provider_consoles.measure(self.remote, OTHER), *consoles.measure(self.remote)]

    def pages(self) -> list[Figure]:
        """Pages of accounts of three sizes, in this process."""
        from django.conf import settings
        from django.test import override_settings

        from tests.bench import fleet, pages

        api = fleet.naive_client(self.remote.provider, MAIN)
        pages.need_operations(api)
        self.remote.set_latency(LATENCY_MS)
        slow = pages.naive_times(api, self.repeat)
        self.remote.set_latency(0)
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
            return pages.measure(self.owner, pages.accounts(self.owner), api, slow, self.repeat)


def progress(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    vms, repeat = int(os.environ.get("BENCH_N", "1000")), int(os.environ.get("BENCH_REPEAT", "3"))
    only = os.environ.get("BENCH_ONLY", "").replace(",", " ").split()
    if vms < SMALLEST or repeat < 1:
        print(f"bench: BENCH_N is at least {SMALLEST} and BENCH_REPEAT at least 1.", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    try:
        with world() as remote:
            for name, measure in Bench(remote, vms, repeat).parts().items():
                if not only or name in only:
                    progress(name)
                    figures += measure()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    as_markdown = "--markdown" in sys.argv or os.environ.get("BENCH_MARKDOWN", "0") not in {"", "0"}
    print(markdown(figures) if as_markdown else table(figures))
    write(Path("bench.json"), figures, {"servers": vms, "repeat": repeat, "only": " ".join(only)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
