"""`sharedeck.vm_stats`: averages of what a VM has used, from its samples."""

import xmlrpc.client
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider

NEVER = datetime(2001, 1, 1, tzinfo=UTC)
# Minutes from the given one on, each with half of a core and 10 KB a second of everything.
SAMPLES = """
from datetime import UTC, datetime, timedelta
from hosting.provider.models import *
for number in {minutes}:
    at = datetime.fromtimestamp(({first} + number) * 60, UTC)
    UsageSample.objects.create(
        vm_id={vm_id}, minute={first} + number, at=at, cpu_ns=1 + number * 30 * 10**9, memory_mb=200,
        **dict.fromkeys(("disk_read", "disk_written", "net_in", "net_out"), number * 600_000)
    )
"""
BUSY = {
    "cpu_percent": 50.0,
    "memory_mb": 200.0,
    "disk_read": 10_000.0,
    "disk_written": 10_000.0,
    "net_in": 10_000.0,
    "net_out": 10_000.0,
}


def stats(member: Member, vm_id: Any, since: Any, step_s: Any = 60) -> list[dict[str, Any]]:
    if isinstance(since, datetime):
        since = xmlrpc.client.DateTime(since.strftime("%Y%m%dT%H:%M:%S"))
    proxy: Any = member.proxy
    found: list[dict[str, Any]] = proxy.sharedeck.vm_stats(member.session, vm_id, since, step_s)
    return found


def at(found: list[dict[str, Any]]) -> list[datetime]:
    return [datetime.strptime(str(each["at"]), "%Y%m%dT%H:%M:%S").replace(tzinfo=UTC) for each in found]


@pytest.fixture
def hour() -> datetime:
    """A full hour some hours ago."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)


@pytest.fixture
def sampled(owner: Member, provider: Provider, hour: datetime) -> tuple[Member, int]:
    """A VM with samples of half an hour, of which the minutes 11 to 19 are missing."""
    vm_id = owner.new_vm()
    plant(provider, vm_id, hour, [*range(11), *range(20, 31)])
    return owner, vm_id


def plant(provider: Provider, vm_id: int, first: datetime, minutes: list[int]) -> None:
    provider.shell(SAMPLES.format(vm_id=vm_id, first=int(first.timestamp()) // 60, minutes=minutes))


def test_minutes_have_averages_and_missing_ones_are_left_out(sampled: tuple[Member, int], hour: datetime) -> None:
    member, vm_id = sampled
    found = stats(member, vm_id, hour)
    known = [*range(1, 11), *range(21, 31)]
    assert at(found)[: len(known)] == [hour + timedelta(minutes=number) for number in known]
    assert [{name: value for name, value in each.items() if name != "at"} for each in found[: len(known)]] == [
        BUSY
    ] * len(known)
    # Only what is newer.
    assert at(stats(member, vm_id, hour + timedelta(minutes=29)))[:2] == at(found)[18:20]


def test_longer_steps_are_whole_and_begin_at_multiples_of_their_length(
    sampled: tuple[Member, int], hour: datetime
) -> None:
    member, vm_id = sampled
    found = stats(member, vm_id, hour + timedelta(minutes=25), 600)
    assert at(found)[:2] == [hour + timedelta(minutes=20), hour + timedelta(minutes=30)]
    assert [each["cpu_percent"] for each in found[:2]] == [50.0, 50.0]
    assert at(stats(member, vm_id, hour, 86_400))[0].hour == 0


def test_everything_that_is_kept_is_2880_steps_at_most(owner: Member, provider: Provider) -> None:
    vm_id = owner.new_vm()
    first = datetime.now(UTC) - timedelta(hours=50)
    provider.shell(
        "from datetime import UTC, datetime\n"
        "from hosting.provider.models import *\n"
        f"first = {int(first.timestamp()) // 60}\n"
        "zero = dict.fromkeys(('memory_mb', 'disk_read', 'disk_written', 'net_in', 'net_out'), 0)\n"
        f"UsageSample.objects.bulk_create([UsageSample(vm_id={vm_id}, minute=first + each, cpu_ns=1 + each, **zero,\n"
        "    at=datetime.fromtimestamp((first + each) * 60, UTC)) for each in range(2995)])"
    )
    found = stats(owner, vm_id, NEVER)
    assert 2_870 <= len(found) <= 2_880
    assert at(found)[0] >= datetime.now(UTC) - timedelta(hours=48, minutes=1)


def test_running_vm_is_sampled_and_a_new_one_has_no_figures_yet(owner: Member, provider: Provider) -> None:
    assert stats(owner, owner.new_vm(), NEVER) == []
    assert stats(owner, owner.new_vm(), datetime.now(UTC) + timedelta(days=400)) == []


def test_integers_may_be_digits_and_nothing_else_is_taken(sampled: tuple[Member, int], hour: datetime) -> None:
    member, vm_id = sampled
    assert stats(member, str(vm_id), hour, "60")[0]["cpu_percent"] == 50.0

    def code(*arguments: Any) -> int:
        with pytest.raises(xmlrpc.client.Fault) as refused:
            stats(member, *arguments)
        return refused.value.faultCode

    assert code([vm_id], hour) == 580110
    for since in ("20261128T10:00:00", 0, "", [hour.isoformat()]):
        assert code(vm_id, since) == 580110, since
    assert code(vm_id, hour, 60.0) == 580110
    assert {code(vm_id, hour, step_s) for step_s in (-60, 0, 59, 86_401)} == {580130}
    assert code(2**31 - 1, hour) == 580140
    # Values before existence (contract, Faults).
    assert code(2**31 - 1, hour, 59) == 580130


def test_figures_of_another_account_are_refused(
    sampled: tuple[Member, int], provider: Provider, pool: Iterator[str], hour: datetime
) -> None:
    stranger = Member(provider.url, next(pool))
    with pytest.raises(xmlrpc.client.Fault) as refused:
        stats(stranger, sampled[1], hour)
    assert refused.value.faultCode == 580150


def test_session_in_safe_mode_may_read(sampled: tuple[Member, int], provider: Provider, hour: datetime) -> None:
    member, vm_id = sampled
    assert stats(Member(provider.url, member.handle, safe=True), vm_id, hour)


def test_figures_of_a_deleted_vm_are_gone(sampled: tuple[Member, int], provider: Provider, hour: datetime) -> None:
    member, vm_id = sampled
    member.done(member.vm_stop(vm_id))
    member.done(member.vm_delete(vm_id))
    left = f"from hosting.provider.models import *; print(UsageSample.objects.filter(vm={vm_id}).count())"
    assert provider.shell(left) == "0"
    assert stats(member, vm_id, hour) == []


def test_one_query_reads_all_samples(sampled: tuple[Member, int], provider: Provider) -> None:
    member, vm_id = sampled
    printed = provider.shell(
        "from django.db import connection; from django.test.utils import CaptureQueriesContext\n"
        "from hosting.provider.methods.registry import METHODS; from hosting.provider.methods.calls import Call\n"
        "from hosting.provider.models import *; from datetime import UTC, datetime\n"
        f"handle = Handle.objects.get(handle={member.handle!r})\n"
        "call = Call(ApiSession(handle=handle, login=handle, safe=False)); call.account\n"
        "with CaptureQueriesContext(connection) as queries:\n"
        f"    found = METHODS['sharedeck.vm_stats'].run(call, {vm_id}, datetime(2001, 1, 1, tzinfo=UTC), 60)\n"
        # The VM, and its samples.
        "print(len(queries), len(found) >= 20)"
    )
    assert printed == "2 True"
