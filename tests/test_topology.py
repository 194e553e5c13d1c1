"""`make run`, compose and the chaos suite start the same processes, and members' work has workers of its own."""

import re
import shlex
import subprocess

import pytest

from hosting.jobs import Job
from tests.processes import ROOT

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines())
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")


def queues() -> dict[str, set[str]]:
    """The queues that each line of the Procfile takes jobs from."""
    words = {name: shlex.split(command) for name, command in PROCFILE.items()}
    return {
        name: set(parts[parts.index("--queues") + 1].split(",")) for name, parts in words.items() if "--queues" in parts
    }


def test_every_queue_has_workers() -> None:
    assert set().union(*queues().values()) == {job.queue for job in Job}


@pytest.mark.parametrize("job", [Job.SEND, Job.CANCEL, Job.ADVANCE, Job.ADVANCE_BULK, Job.PROVE])
def test_what_a_member_waits_for_has_workers_of_its_own(job: Job) -> None:
    (taking,) = [taken for taken in queues().values() if job.queue in taken]
    assert taking == {job.queue}
    assert job.queue not in {Job.REFRESH.queue, Job.TRACK.queue}


def test_compose_runs_the_lines_of_the_procfile() -> None:
    served = set(re.findall(r"command: tools/serve (\w+)$", COMPOSE, re.MULTILINE))
    # Compose has a Redis server, and says by itself when it is ready.
    assert served == PROCFILE.keys() - {"redis", "ready"}
    assert not re.search(r"command: .*(gunicorn|celery)", COMPOSE)


def test_compose_starts_no_demo_unless_its_profile_is_chosen() -> None:
    services = re.split(
        r"^  (?=[\w-]+:$)", COMPOSE.partition("\nservices:\n")[2].partition("\nconfigs:")[0], flags=re.MULTILINE
    )
    assert len(services) > 8
    for service in services:
        is_of_demo = "--demo" in service or "provider.settings" in service or "tools/serve provider" in service
        assert ("profiles: [demo]" in service) == is_of_demo, service


def test_serve_refuses_a_line_that_the_procfile_does_not_have() -> None:
    done = subprocess.run([ROOT / "tools/serve", "nothing"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no line nothing" in done.stderr
