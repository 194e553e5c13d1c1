"""Processes die, connections drop and the database refuses writes while members' requests are on their way: nothing is
lost, nothing is done twice, and what the panel tells is what the provider has.

The seed is printed; `CHAOS_SEED` replays it, `CHAOS_ROUNDS` asks for that many faults. See docs/chaos.md.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from hosting import jobs
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.inventory.models import Change
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership
from tests.chaos import verdict
from tests.chaos.browser import Browser
from tests.chaos.members import Journal, Member, submit_in_this_process
from tests.chaos.strikes import Striker
from tests.chaos.workload import Action, Workload
from tests.chaos.world import World, wait_until

HANDLE, PASSWORD = "CHAOS-TEST", "passw0rd-of-chaos"
SIGN_IN_PASSWORD = "correct horse battery"
# Faults in each of the two ways.
ROUNDS = int(os.environ.get("CHAOS_ROUNDS") or 16) // 2
# Faults that take long are left out of a short run.
IS_LONG = ROUNDS >= 50
MEMBERS = 4
_PREPARE = f"""
from django.contrib.auth.hashers import make_password
from hosting.provider.models import Handle
from hosting.provider.seed.demo import _product, add_handle
from django.utils import timezone
account = add_handle({HANDLE!r}, "Chaos", "1000000.00").hosting_account
_product(account, "shares", 24, "1y", timezone.now(), pk=1)
Handle.objects.filter(handle={HANDLE!r}).update(password=make_password({PASSWORD!r}))
"""


@pytest.fixture
def seed() -> str:
    seed = os.environ.get("CHAOS_SEED") or str(random.randrange(10**6))
    print(f"\nCHAOS_SEED={seed}")
    return seed


@pytest.fixture(params=["with sharedeck.once", "version 1 alone"])
def world(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Iterator[World]:
    extensions = request.param == "with sharedeck.once"
    running = World(tmp_path, Path(connection.settings_dict["NAME"]), extensions=extensions)
    yield running
    running.stop()


@pytest.fixture
def account(world: World, owner: Membership, monkeypatch: pytest.MonkeyPatch) -> Account:
    """A reseller with 24 shares, imported by the workers."""
    # What this process submits goes to no queue.
    monkeypatch.setattr(jobs, "_send", lambda job, arguments: None)
    world.provider.shell(_PREPARE)
    owner.user.set_password(SIGN_IN_PASSWORD)
    owner.user.save()
    account = Account.objects.create(
        team=owner.team,
        endpoint=Endpoint.objects.create(name="Provider", url=world.provider.url),
        label="Reseller",
        login=HANDLE,
        handle=HANDLE,
        sealed_password=seal(PASSWORD),
    )
    assert wait_until("imported", lambda: Account.objects.filter(pk=account.pk, mirrored_at__isnull=False).exists(), 40)
    account.refresh_from_db()
    return account


@pytest.mark.timeout(300 + 8 * ROUNDS)
def test_crashes_neither_lose_nor_repeat_operations(
    seed: str, world: World, account: Account, owner: Membership
) -> None:
    began = time.monotonic()
    known_before = set(verdict.read_truth(world.provider_database, HANDLE).operations)
    striker = Striker(world, random.Random(f"{seed}: strikes"), is_long=IS_LONG)
    journal = Journal()
    workload = Workload(account, random.Random(f"{seed}: requests"))
    rounds = storm(seed, world, account, owner, striker, journal, workload)
    stormed_s = time.monotonic() - began
    striker.calm()
    if IS_LONG:
        delay_last_calls(striker, workload.last(), account, owner, journal)
    dead = [f"{name} has ended by itself" for name in world.dead()]
    wait_until("settled", lambda: not verdict.stuck(account), 150)
    settled_s = time.monotonic() - began - stormed_s

    def differs() -> list[str]:
        return verdict.mirror_differs(verdict.read_truth(world.provider_database, HANDLE), account)

    def untrue() -> list[str]:
        return verdict.untrue(verdict.read_truth(world.provider_database, HANDLE), account, known_before=known_before)

    # What turned up at the provider just now is found with the next round.
    wait_until("mirrored", lambda: not differs() and not untrue(), 60)
    account.refresh_from_db()
    violations = [
        *dead,
        *([f"the account is stopped: {account.trouble}"] if account.trouble else []),
        *verdict.stuck(account),
        *untrue(),
        *verdict.taken_for_dead(world.logs, striker.kills),
        *verdict.broken_promises(journal, account),
        *differs(),
        *verdict.secrets_told(world.logs, PASSWORD),
    ]
    report(seed, striker, journal, account, rounds, violations, (stormed_s, settled_s))
    if violations and os.environ.get("CHAOS_LOGS"):
        world.keep_logs(Path(os.environ["CHAOS_LOGS"]))
    assert not violations


def storm(
    seed: str,
    world: World,
    account: Account,
    owner: Membership,
    striker: Striker,
    journal: Journal,
    workload: Workload,
) -> int:
    """Members ask and things go wrong, until as many faults as were wanted have happened. The number of rounds."""
    dice = random.Random(f"{seed}: members")
    members = []
    for _ in range(MEMBERS):
        browser = Browser(world.url)
        browser.sign_in("owner@example.org", SIGN_IN_PASSWORD)
        members.append(Member(browser, journal, random.Random(dice.random())))
    rounds, at_work = 0, [Future[None]() for _ in ()]
    with ThreadPoolExecutor(MEMBERS) as threads:
        while striker.total() < ROUNDS:
            rounds += 1
            what = striker.choose()
            at_work = [future for future in at_work if not future.done()]
            wanted = dice.randint(1, 4) if len(at_work) < 2 * MEMBERS else 0
            asked = [action for action in (workload.next() for _ in range(wanted)) if action is not None]
            if Endpoint.objects.filter(away_since__isnull=False).exists():
                # Let a probe find it back, or there is nothing left to ask for.
                world.script("")
            elif what == "call":
                striker.script([action.kind or "vm_create" for action in asked])
            for action in asked:
                if action.page:
                    at_work.append(threads.submit(dice.choice(members).carry_out, action))
                else:
                    submit_in_this_process(action, account, owner, journal)
            time.sleep(dice.uniform(0.0, 0.6))
            striker.strike(what)
            time.sleep(dice.uniform(0.1, 0.5))
    return rounds


def delay_last_calls(
    striker: Striker, last: list[Action], account: Account, owner: Membership, journal: Journal
) -> None:
    """Ask for a few things whose calls are carried out long after they were given up, and wait until they are."""
    wait_until("back", lambda: not Endpoint.objects.filter(away_since__isnull=False).exists(), 90)
    striker.delay_calls([action.kind for action in last])
    for action in last:
        submit_in_this_process(action, account, owner, journal)
    striker.wait_for_delayed_calls(len(last))


def report(
    seed: str,
    striker: Striker,
    journal: Journal,
    account: Account,
    rounds: int,
    violations: list[str],
    seconds: tuple[float, float],
) -> None:
    """Print the counts."""
    rows = Operation.objects.filter(account=account, origin="panel")
    plans = Counter(Plan.objects.filter(account=account).values_list("state", flat=True))
    table = Counter(rows.values_list("kind", "state"))
    stormed_s, settled_s = seconds
    print(f"CHAOS_SEED={seed}: {striker.total()} faults in {rounds} rounds and {stormed_s:.0f} s")
    for what, count in sorted(striker.told().items()):
        print(f"  {count:5} {what}")
    print(f"  methods whose calls went wrong: {told(striker.methods())}")
    print(f"{len(journal.asked)} forms sent; members were told: {told(journal.answers)}")
    print(f"  {journal.refused_while_away} of the refusals because the provider was known not to answer")
    print(f"{rows.count()} operations: {told(Counter(rows.values_list('state', flat=True)))}; plans: {told(plans)}")
    for kind in sorted({kind for kind, _ in table}):
        print(f"  {kind}: {told(Counter({state: count for (each, state), count in table.items() if each == kind}))}")
    print(f"{rows.filter(late_at__isnull=False).count()} operations turned up after they had been released")
    outside = Change.objects.filter(account=account).count()
    print(f"{outside} changes of the mirror were told as from outside")
    print(f"settled in {settled_s:.0f} s: {len(violations)} violations")
    for violation in violations:
        print(f"  VIOLATION: {violation}")


def told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())
