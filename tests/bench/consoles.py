"""What people at consoles cost the panel's process that holds their connections."""

import contextlib
import json
import tempfile
import time
from pathlib import Path

import psutil

from hosting.viewings.lifecycle import MOST_OF_A_PERSON
from tests.bench.panel import peak_mb
from tests.bench.report import Figure, at_most, require
from tests.bench.scratch import Remote

VIEWERS, IDLE_S = 200, 20
PEOPLE = f"""
import json
from tests import factories
from tests.browser.sessions import open_session
from hosting.teams.models import Membership, Team
team = Membership.objects.get(user__email=EMAIL).team
print(json.dumps([open_session(factories.member(of=team).user.email) for _ in range({VIEWERS // MOST_OF_A_PERSON})]))
"""


def measure(remote: Remote) -> list[Figure]:
    """Open so many consoles, and leave them alone: memory, and what the checks of who may stay take."""
    # Django is set up by now, which these need.
    from django.conf import settings

    from tests.console.panel import Panel

    with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as running:
        console = remote.provider.start_console()
        running.callback(console.kill)
        panel = Panel(Path(directory), remote.provider)
        running.callback(panel.stop)
        process = psutil.Process(panel.console.popen.pid)
        before_mb = process.memory_info().rss / 2**20
        people = json.loads(panel.run(PEOPLE.replace("EMAIL", repr(panel.email))))
        for number in range(VIEWERS):
            cookie = f"{settings.SESSION_COOKIE_NAME}={people[number // MOST_OF_A_PERSON]}"
            running.enter_context(panel.watch(Cookie=cookie)).until("login: ", 60)
        began_s, began = _busy_s(process), time.monotonic()
        time.sleep(IDLE_S)
        share = (_busy_s(process) - began_s) / (time.monotonic() - began)
        opened = panel.run("from hosting.viewings.models import Viewing; print(Viewing.objects.count())")
        require(opened == str(VIEWERS), "not all consoles stayed open")
        held_mb = peak_mb(process.pid)
        return [
            Figure(
                f"memory of the console process, {VIEWERS} idle people",
                "MB",
                held_mb,
                None,
                f"{before_mb:.0f} MB with none",
                target=at_most(150, held_mb, "MB"),
            ),
            Figure(f"processor time of the console process, {VIEWERS} idle people", "%", 100 * share, None),
        ]


def _busy_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
