"""What a server uses is read when somebody looks: once however many do, and only what is newer."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import tasks
from hosting.accounts.models import Account, Endpoint
from hosting.api import VM_STATS, Transport
from hosting.inventory import figures, refresh
from hosting.inventory.models import Vm, VmFigures
from hosting.jobs import Job
from hosting.operations import rounds
from tests.contract.conftest import Member
from tests.engine import Engine
from tests.inventory.test_hostile_values import alter
from tests.processes import Provider

PLANT = """
from datetime import UTC, datetime
from hosting.provider.models import *
first = {first}
for number in {numbers}:
    UsageSample.objects.create(
        vm_id={vm_id}, minute=first + number, at=datetime.fromtimestamp((first + number) * 60, UTC), memory_mb=200,
        cpu_ns=1 + number * 30 * 10**9,
        **dict.fromkeys(("disk_read", "disk_written", "net_in", "net_out"), number * 600_000)
    )
"""


@pytest.fixture
def first() -> int:
    """A minute an hour ago."""
    return int(timezone.now().timestamp()) // 60 - 60


@pytest.fixture
def vm(account: Account, remote: Member, engine: Engine, settings: Settings) -> Vm:
    """A server at an endpoint that has figures."""
    settings.API_EXTENSIONS = True
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[VM_STATS])
    vm_id = remote.new_vm()
    account.refresh_from_db()
    rounds.round_of(account)
    engine.queue.clear()
    return Vm.objects.get(account=account, remote_id=vm_id)


def plant(provider: Provider, vm: Vm, first: int, numbers: range) -> None:
    provider.shell(PLANT.format(vm_id=vm.remote_id, first=first, numbers=list(numbers)))


def read(vm: Vm) -> list[figures.Sample]:
    """Have a worker read, a minute after the last time."""
    VmFigures.objects.filter(vm=vm).update(read_at=timezone.now() - figures.STALE_AFTER)
    tasks.read_figures(vm.account_id, vm.remote_id)
    return stored(vm)


def stored(vm: Vm) -> list[figures.Sample]:
    return figures.since(VmFigures.objects.get(vm=vm).samples, timezone.now() - figures.KEPT)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """Since when the provider was asked for figures, call by call."""
    found: list[datetime] = []
    real = Transport.call

    def call(self: Transport, name: str, params: Any, **options: Any) -> Any:
        if name == VM_STATS:
            found.append(params[2])
        return real(self, name, params, **options)

    monkeypatch.setattr(Transport, "call", call)
    return found


def look(vm: Vm) -> None:
    """As the page does."""
    figures.request(Vm.objects.select_related("figures").get(pk=vm.pk))


def test_many_who_look_ask_once_and_open_pages_see_that_there_is_something_new(
    vm: Vm, account: Account, engine: Engine, provider: Provider, first: int
) -> None:
    plant(provider, vm, first, range(11))
    for _ in range(3):
        look(vm)
    assert list(engine.queue) == [(Job.READ_FIGURES, (account.pk, vm.remote_id))]
    version = Account.objects.get(pk=account.pk).version
    engine.drain()
    assert [(each.at // 60 - first, each.cpu_percent, each.disk_read_bps) for each in stored(vm)[:10]] == [
        (number, 50.0, 10_000) for number in range(1, 11)
    ]
    assert Account.objects.get(pk=account.pk).version > version
    look(vm)
    assert not engine.queue


def test_only_newer_figures_are_asked_for_and_added(
    vm: Vm, provider: Provider, first: int, asked: list[datetime]
) -> None:
    assert read(vm) == []
    # A new server has none; nothing is missed of its first ones.
    plant(provider, vm, first, range(11))
    before = read(vm)
    plant(provider, vm, first, range(11, 21))
    after = read(vm)
    assert [each.at // 60 - first for each in after][:20] == list(range(1, 21))
    assert after[: len(before)] == before
    kept_since = timezone.now() - figures.KEPT
    assert [abs(since - kept_since) < timedelta(minutes=1) for since in asked[:2]] == [True, True]
    assert asked[2] == datetime.fromtimestamp(before[-1].at, UTC)


def test_job_that_comes_second_asks_nothing(vm: Vm, asked: list[datetime]) -> None:
    for _ in range(2):
        tasks.read_figures(vm.account_id, vm.remote_id)
    assert len(asked) == 1


def test_figures_older_than_two_days_are_dropped(vm: Vm, provider: Provider, first: int) -> None:
    plant(provider, vm, first, range(3))
    old = [[(first - 47 * 60 - ago) * 60, 1, 1, 1, 1, 1, 1] for ago in (2, 1, 0, -1)]
    VmFigures.objects.create(vm=vm, read_at=timezone.now() - timedelta(hours=1), samples=old)
    minutes = [each.at // 60 - first for each in read(vm)]
    assert minutes[-2:] == [1, 2]
    assert -47 * 60 - 2 not in minutes


def test_endpoint_that_has_no_figures_any_more_is_not_asked_again(
    vm: Vm, account: Account, monkeypatch: pytest.MonkeyPatch, asked: list[datetime]
) -> None:
    monkeypatch.setattr("hosting.api.extended.VM_STATS", "sharedeck.no_stats")
    tasks.read_figures(vm.account_id, vm.remote_id)
    account.endpoint.refresh_from_db()
    assert account.endpoint.extensions == []
    tasks.read_figures(vm.account_id, vm.remote_id)
    assert not asked
    assert not VmFigures.objects.exists()


def test_silent_provider_leaves_what_is_known(vm: Vm, provider: Provider, first: int, account: Account) -> None:
    plant(provider, vm, first, range(11))
    before = read(vm)
    read_at = VmFigures.objects.get(vm=vm).read_at
    with provider.faults(f"{VM_STATS}:503@1"):
        assert read(vm) == before
    assert VmFigures.objects.get(vm=vm).read_at < read_at
    assert read(vm)[: len(before)] == before


def test_refusal_for_a_server_that_is_gone_keeps_the_extension(
    vm: Vm, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    Vm.objects.filter(pk=vm.pk).update(remote_id=2**31 - 1)
    tasks.read_figures(vm.account_id, 2**31 - 1)
    account.endpoint.refresh_from_db()
    assert account.endpoint.extensions == [VM_STATS]
    # It may go at any moment.
    tasks.read_figures(vm.account_id, 4711)
    assert not VmFigures.objects.exists()


def test_server_that_goes_while_it_is_read_leaves_nothing(
    vm: Vm, provider: Provider, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(provider, vm, first, range(3))

    def gone(reply: Any) -> Any:
        Vm.objects.filter(pk=vm.pk).delete()
        return reply

    alter(monkeypatch, VM_STATS, gone)
    tasks.read_figures(vm.account_id, vm.remote_id)
    assert not VmFigures.objects.exists()


def test_what_nobody_has_looked_at_for_two_days_is_deleted(vm: Vm, account: Account) -> None:
    read(vm)
    now = timezone.now()
    figures.forget_old(account, now)
    assert VmFigures.objects.exists()
    figures.forget_old(account, now + figures.KEPT + timedelta(seconds=1))
    assert not VmFigures.objects.exists()


def changed(**change: Any) -> Callable[[Any], Any]:
    return lambda reply: [*reply[:-1], {**reply[-1], **change}]


@pytest.mark.parametrize(
    "wrong",
    [
        changed(cpu_percent=-1.0),
        changed(net_in=float("nan")),
        changed(disk_read=float("inf")),
        changed(memory_mb=1e300),
        changed(at=""),
        changed(disk_written="many"),
        lambda reply: [*reply, "none"],
        lambda reply: {"figures": reply},
    ],
)
def test_impossible_figures_are_refused_and_what_is_known_stays(
    vm: Vm, provider: Provider, first: int, monkeypatch: pytest.MonkeyPatch, wrong: Callable[[Any], Any]
) -> None:
    plant(provider, vm, first, range(6))
    before = read(vm)
    plant(provider, vm, first, range(6, 9))
    with monkeypatch.context() as patched:
        alter(patched, VM_STATS, wrong)
        assert read(vm) == before
    assert len(read(vm)) >= len(before) + 3


def test_unsorted_and_repeated_figures_of_any_time_are_put_in_order(
    vm: Vm, provider: Provider, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(provider, vm, first, range(6))

    def shuffled(reply: Any) -> Any:
        never = [{**reply[0], "at": datetime(year, 1, 1, tzinfo=UTC)} for year in (1, 1969, 2001, 9999)]
        return [*never, *reversed(reply), *reply, *never] * 3

    alter(monkeypatch, VM_STATS, shuffled)
    minutes = [each.at // 60 - first for each in read(vm)]
    assert minutes[:5] == [1, 2, 3, 4, 5]
    assert minutes == sorted(set(minutes))
    # A time to come would keep all newer figures from being asked for.
    assert stored(vm)[-1].at <= timezone.now().timestamp() + 300


def test_request_is_renewed_when_its_time_is_over(vm: Vm, engine: Engine) -> None:
    """A job that was lost is asked for again by the next page."""
    for _ in range(2):
        refresh.request_figures(vm, 1)
    assert len(engine.queue) == 1
    engine.queue.clear()
    time.sleep(1.1)
    refresh.request_figures(vm, 1)
    assert len(engine.queue) == 1
