"""What guests use is sampled once a minute, whatever hosts do."""

import time

from tests.contract.conftest import Member
from tests.processes import Provider
from tests.provider.engine.conftest import Watched
from tests.provider.engine.test_reconcile import becomes, soon

DUE = "from hosting.provider.models import *; Host.objects.filter(name={!r}).update(usage_after=None)"
SAMPLES = """
from hosting.provider.models import *
print(*[(row.cpu_ns > 0, row.memory_mb) for row in UsageSample.objects.filter(vm={}).order_by("minute")])
"""
SAMPLED = "from hosting.provider.models import *; print(UsageSample.objects.filter(vm={}, minute__gte={}).count())"
ADDRESS = "from hosting.provider.models import *; Host.objects.filter(name={!r}).update(uri={!r})"
NEXT_S = """
from django.utils import timezone
from hosting.provider.models import *
print(*[(host.usage_after - timezone.now()).total_seconds() for host in Host.objects.exclude(usage_after=None)])
"""


def test_worker_samples_each_guest_of_a_host_and_asks_again_in_the_next_minute(
    provider: Provider, member: Member
) -> None:
    running, halted = member.new_vm(hostname="on"), member.new_vm(hostname="off")
    member.done(member.vm_stop(halted))
    provider.shell(DUE.format("simulated"))
    soon(True, lambda: provider.shell(SAMPLES.format(running)) != "")
    assert provider.shell(SAMPLES.format(running)).startswith("(True, ")
    assert provider.shell(SAMPLES.format(halted)).startswith("(False, 0)")
    assert 0 < float(provider.shell(NEXT_S)) < 120


TWICE = """
from datetime import timedelta
from unittest import mock
from django.db import transaction
from django.utils import timezone
from hosting.provider.engine import usage
from hosting.provider.engine.driver import driver
from hosting.provider.models import *
host, at = Host.objects.get(), timezone.now().replace(second=30)
rows = UsageSample.objects.filter(vm={vm_id})
simulated = type(driver())
asked = mock.patch.object(simulated, "usage", autospec=True, side_effect=simulated.usage)
# In a transaction, so that the worker does not see that the host is due.
with mock.patch.object(timezone, "now", lambda: at), asked as asked, transaction.atomic():
    rows.delete()
    for due_in in (timedelta(hours=-1), timedelta(hours=1), timedelta(hours=-1)):
        Host.objects.update(usage_after=at + due_in)
        usage.sample(host.pk)
        print(asked.call_count, rows.filter(minute=usage.minute_of(at)).count())
"""


def test_host_is_asked_when_it_is_due_and_has_one_sample_a_minute(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    assert provider.shell(TWICE.format(vm_id=vm_id)).splitlines() == ["1 1", "1 1", "2 1"]


def test_guest_that_crashed_or_is_unknown_stops_nothing(provider: Provider, member: Member) -> None:
    vm_id, other = member.new_vm(), member.new_vm(hostname="other")
    minute = int(time.time()) // 60
    provider.shell(
        "import uuid; from hosting.provider.models import *\n"
        "host_id = Host.objects.get().pk\n"
        "SimulatedGuest.objects.create(uuid=uuid.uuid4(), host_id=host_id, state='running', memory_mb=256)"
    )
    becomes(provider, vm_id, "crashed")
    provider.shell(DUE.format("simulated"))
    soon("1", lambda: provider.shell(SAMPLED.format(other, minute))[:1])


def test_silent_host_keeps_nobody_else_waiting_and_leaves_a_gap(watched: Watched) -> None:
    provider, member = watched.provider, watched.member
    minute = int(time.time()) // 60
    provider.shell("from hosting.provider.models import *; UsageSample.objects.all().delete()")
    for away in ("simulated:away", "simulated:breaks", "simulated:hangs=20"):
        provider.shell(ADDRESS.format("second", away))
        for host in ("second", "simulated"):
            provider.shell(DUE.format(host))
        provider.shell("from hosting.provider.models import *; UsageSample.objects.filter(vm=456).delete()")
        watched.until(lambda: provider.shell(SAMPLED.format(456, minute)) != "0")
        assert provider.shell(SAMPLED.format(1234, minute)) == "0"
    # Operations go on, also on the host whose figures are not told.
    began = time.monotonic()
    member.done(member.vm_reboot(456))
    assert time.monotonic() - began < 8
    provider.shell(ADDRESS.format("second", ""))
    watched.until(lambda: provider.shell(SAMPLED.format(1234, minute)) != "0", 90)


def test_old_samples_are_deleted_a_few_at_a_time(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    printed = provider.shell(
        "from datetime import timedelta; from django.utils import timezone\n"
        "from hosting.provider.engine import usage\n"
        "from hosting.provider.models import *\n"
        "now = timezone.now(); end = usage.minute_of(now - timedelta(hours=48)) + 1\n"
        "zero = dict.fromkeys(('cpu_ns', 'memory_mb', 'disk_read', 'disk_written', 'net_in', 'net_out'), 0)\n"
        f"rows = UsageSample.objects.filter(vm={vm_id}); rows.delete()\n"
        "UsageSample.objects.bulk_create([\n"
        f"    UsageSample(vm_id={vm_id}, minute=end - each, at=now, **zero) for each in range(5_602)\n"
        "])\n"
        "for _ in range(3):\n"
        "    usage.forget_old(); print(rows.filter(minute__lte=end).count(), end=' ')"
    )
    # Two are young enough.
    assert [int(each) for each in printed.split()] in ([602, 2, 2], [601, 1, 1])
