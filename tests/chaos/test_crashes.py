"""Processes die and connections drop while members' requests are on their way: nothing is lost, nothing is doubled.

Real processes: two workers, beat, Valkey and the provider. The seed is printed; `CHAOS_SEED` replays it, `CHAOS_ROUNDS`
asks for more rounds.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.inventory.models import AccountInfo, Disk
from hosting.operations import kinds
from hosting.operations.models import Operation
from hosting.operations.rejection import EndpointAway, NotEnough
from hosting.operations.states import FINAL, State
from hosting.operations.submit import submit
from hosting.teams.models import Membership
from tests import servers
from tests.contract.conftest import PASSWORD, Member
from tests.processes import Process, Provider, start_provider

# Short limits, so that what died is noticed within the test.
LIMITS = {
    "SENDING_LIMIT_S": "4",
    "UNCERTAIN_GRACE_S": "2",
    "API_CONNECT_TIMEOUT_S": "1",
    "API_READ_TIMEOUT_S": "2",
    "MIRROR_ROUND_S": "2",
    "API_RATE_LIMIT": "0",
}
FAULTS = ("drop_before", "drop_after", "garbage", "truncate", "503", "503_after", "refuse", "delay=3", "delay_after=3")
CHANGES = ("hosting_account_product_add", "disk_create", "disk_delete")


class Chaos:
    """The processes, and what may happen to them."""

    def __init__(self, directory: Path, provider: Provider, dice: random.Random) -> None:
        self.provider, self.dice = provider, dice
        env = {**LIMITS, "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}", "VAR_DIR": str(directory)}
        celery = [sys.executable, "-m", "celery", "-q", "-A", "panel"]
        threads = ["--pool", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle"]
        self.workers = [
            Process([*celery, "worker", "-Q", queues, "-n", f"{name}@%h", *threads], env, directory / f"{name}.log")
            for name, queues in (("one", "operations,mirror"), ("two", "operations"))
        ]
        self.beat = Process([*celery, "beat", "--pidfile=", "-s", str(directory / "beat")], env, directory / "beat.log")

    def strike(self) -> str:
        """Let one thing go wrong, and say what."""
        what = self.dice.choice(["worker", "valkey", "provider", *["call"] * 5])
        if what == "worker":
            self.dice.choice(self.workers).restart()
        elif what == "valkey":
            servers.valkey[0].restart()
            servers.valkey[0].wait_for_port(servers.valkey_port)
        elif what == "provider":
            self.provider.restart_web()
        else:
            what = f"{self.dice.choice(CHANGES)}:{self.dice.choice(FAULTS)}@1"
            self.provider.faults_file.write_text(what, encoding="utf-8")
        return what

    def calm(self) -> None:
        self.provider.faults_file.write_text("", encoding="utf-8")

    def stop(self) -> None:
        for process in (*self.workers, self.beat):
            process.kill()


@pytest.fixture
def chaos(transactional_db: None, tmp_path: Path) -> Iterator[Chaos]:
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(10**6))
    print(f"CHAOS_SEED={seed}")
    provider = start_provider(tmp_path)
    running = Chaos(tmp_path, provider, random.Random(seed))
    yield running
    running.stop()
    provider.stop()


@pytest.fixture
def reseller(chaos: Chaos) -> Member:
    chaos.provider.shell(
        "from hosting.provider.seed import add_handle; from hosting.provider.models import Handle;"
        "from django.contrib.auth.hashers import make_password;"
        "add_handle('CHAOS-TEST', 'Chaos', '100000.00');"
        f"Handle.objects.filter(handle='CHAOS-TEST').update(password=make_password('{PASSWORD}'))"
    )
    member = Member(chaos.provider.url, "CHAOS-TEST")
    member.buy(40)
    return member


def wait_until(condition: str, check: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"{condition}: {list(Operation.objects.values('kind', 'state', 'problem'))}"
        time.sleep(0.1)


@pytest.mark.timeout(600)
def test_nothing_is_lost_and_nothing_is_doubled(chaos: Chaos, reseller: Member, owner: Membership) -> None:
    account = Account.objects.create(
        team=owner.team,
        endpoint=Endpoint.objects.create(name="Provider", url=chaos.provider.url),
        label="Reseller",
        login="CHAOS-TEST",
        handle="CHAOS-TEST",
        sealed_password=seal(PASSWORD),
    )
    wait_until("imported", lambda: AccountInfo.objects.filter(account=account).exists(), 30)
    before = set(reseller.operation_list())
    submitted, struck = 0, []
    for number in range(int(os.environ.get("CHAOS_ROUNDS") or 12)):
        struck.append(chaos.strike())
        for kind in requests(chaos.dice, account, number):
            try:
                submit(kind, account=account, by=owner)
                submitted += 1
            except (EndpointAway, NotEnough):
                # Said to the member at once, and nothing was written: that is an answer too.
                pass
        time.sleep(chaos.dice.uniform(0.2, 1.5))
    chaos.calm()
    ours = Operation.objects.filter(account=account, origin=Operation.Origin.PANEL)
    wait_until(
        "settled",
        lambda: not ours.exclude(state__in=FINAL).exclude(state=State.UNCERTAIN, needs_person=True).exists(),
        90,
    )

    outcome = {state.value: ours.filter(state=state).count() for state in State if ours.filter(state=state).exists()}
    print(f"{len(struck)} faults: {struck}\n{submitted} requests: {outcome}")
    assert submitted == ours.count() > 0
    assert_the_provider_has_exactly_what_is_told(reseller, account, before)


def requests(dice: random.Random, account: Account, number: int) -> list[kinds.Kind]:
    """A purchase, a disk, and the end of a free disk."""
    free = Disk.objects.filter(account=account, state=Disk.State.CREATED).order_by("?").first()
    busy = Operation.objects.open().filter(target=f"disk:{free.remote_id}") if free else None
    made: list[kinds.Kind] = [
        kinds.AddProduct("shares", dice.randint(1, 3), "1m"),
        kinds.CreateDisk(1024 + number, f"disk-{number}", "xfs"),
    ]
    if free is not None and busy is not None and not busy.exists() and dice.random() < 0.5:
        made.append(kinds.DeleteDisk(free.remote_id))
    return made


def assert_the_provider_has_exactly_what_is_told(reseller: Member, account: Account, before: set[int]) -> None:
    rows = Operation.objects.filter(account=account)
    panel = rows.filter(origin=Operation.Origin.PANEL)
    theirs = {
        number: reseller.operation_details(number) for number in reseller.operation_list() if number not in before
    }
    done_there = {number for number, details in theirs.items() if details["state"] == "DONE"}
    done_here = set(panel.filter(state=State.DONE).values_list("remote_id", flat=True))
    ambiguous = panel.filter(state=State.UNCERTAIN).count()
    assert done_here <= done_there
    # What the provider did and nobody here claims is only what a person is still asked about.
    assert len(done_there - done_here) <= ambiguous
    for state in (State.REFUSED, State.NOT_SENT, State.RELEASED):
        assert not panel.filter(state=state, remote_id__isnull=False).exists()
    wait_until("mirrored", lambda: mirror_equals(reseller, account), 20)


def mirror_equals(reseller: Member, account: Account) -> bool:
    disks = set(Disk.objects.filter(account=account).values_list("remote_id", flat=True))
    info = AccountInfo.objects.get(account=account)
    return disks == set(reseller.disk_list()) and float(info.balance) == round(reseller.account_balance(), 2)
