"""What guests and hosts do by themselves shows in the API, and crashed guests run again."""

import time

from tests.contract.conftest import Member
from tests.contract.test_staff import staff
from tests.processes import Provider

GUEST = """
from hosting.provider.engine import specs
from hosting.provider.models import *
guests = SimulatedGuest.objects.filter(uuid=specs.guest_uuid({}))
"""
ADDRESS = "from hosting.provider.models import *; Host.objects.filter(name='simulated').update(uri={!r})"
ALERTS = """
from hosting.provider.models import *
print(*Alert.objects.filter(kind={!r}, about={!r}, date_ended=None).values_list("text", flat=True), sep="; ")
"""
HOST_STATE = "from hosting.provider.models import *; print(Host.objects.get(name='simulated').state)"

NEXT_LOOK_S = """
from django.utils import timezone
from hosting.provider.models import *
print((Host.objects.get(name="simulated").observe_after - timezone.now()).total_seconds())
"""


def becomes(provider: Provider, vm_id: int, state: str) -> None:
    """What happens to a guest, by somebody inside it or by accident."""
    changed = provider.shell(GUEST.format(vm_id) + f"print(guests.update(state={state!r}))")
    assert changed == "1"


def guest(provider: Provider, vm_id: int) -> str:
    return provider.shell(GUEST.format(vm_id) + "print(*guests.values_list('state', flat=True))")


def state(member: Member, vm_id: int) -> str:
    found: str = member.vm_info(vm_id)["state"]
    return found


def soon(wanted: object, *found: object, seconds: float = 20) -> None:
    """Wait until a function with its arguments answers so."""
    ask, *arguments = found
    assert callable(ask)
    deadline = time.monotonic() + seconds
    while (answer := ask(*arguments)) != wanted:
        assert time.monotonic() < deadline, answer
        time.sleep(0.1)


def alerts(provider: Provider, kind: str, about: object) -> str:
    return provider.shell(ALERTS.format(kind, str(about)))


def settled(member: Member, vm_id: int) -> None:
    """Changes are taken for older than an operation that has just ended for two seconds."""
    member.vm_info(vm_id)
    time.sleep(2.5)


def test_guest_that_powers_itself_off_is_halted_within_ten_seconds_and_told(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    settled(member, vm_id)
    cursor = getattr(member, "sharedeck.changes")("", 0)["cursor"]
    becomes(provider, vm_id, "halted")
    began = time.monotonic()
    soon("halted", state, member, vm_id)
    assert time.monotonic() - began < 10
    named = {(each["type"], each["id"]) for each in getattr(member, "sharedeck.changes")(cursor, 5)["changes"]}
    assert ("vm", vm_id) in named
    member.done(member.vm_start(vm_id))
    assert guest(provider, vm_id) == "running"


def test_crashed_guest_is_started_again_and_stays_running_for_its_owner(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    settled(member, vm_id)
    becomes(provider, vm_id, "crashed")
    soon("running", guest, provider, vm_id)
    assert state(member, vm_id) == "running"
    assert member.operation_list({"param": {"vm_id": vm_id}}) == [member.made("vm_create", vm_id=vm_id)]


def test_guest_that_keeps_crashing_is_halted_after_three_starts_and_staff_are_told(
    provider: Provider, member: Member
) -> None:
    vm_id = member.new_vm()
    settled(member, vm_id)
    for _ in range(3):
        becomes(provider, vm_id, "crashed")
        soon("running", guest, provider, vm_id)
    assert alerts(provider, "guest crashes", vm_id) == ""
    becomes(provider, vm_id, "crashed")
    soon("halted", state, member, vm_id)
    assert "was not started again" in alerts(provider, "guest crashes", vm_id)
    assert guest(provider, vm_id) == "crashed"
    member.done(member.vm_start(vm_id))


def test_all_guests_run_again_after_a_power_cut_of_their_host(provider: Provider, member: Member) -> None:
    running, halted = [member.new_vm(hostname=f"web{number}") for number in range(3)], member.new_vm(hostname="off")
    member.done(member.vm_stop(halted))
    provider.shell(ADDRESS.format("simulated:away"))
    soon("away", provider.shell, HOST_STATE)
    assert "does not answer" in alerts(provider, "host away", "simulated")
    # Nothing is known, so nothing is said to have changed.
    assert {state(member, vm_id) for vm_id in running} == {"running"}
    assert member.code("vm_create", "homeless", "secret-pass-1", 111, 1, 1, {}) in {530160, 580160}
    for vm_id in [*running, halted]:
        becomes(provider, vm_id, "crashed")
    provider.shell(ADDRESS.format(""))
    for vm_id in running:
        soon("running", guest, provider, vm_id)
    assert state(member, halted) == "halted"
    assert guest(provider, halted) == "crashed"
    soon("active", provider.shell, HOST_STATE)
    assert alerts(provider, "host away", "simulated") == ""


def test_host_that_answers_slowly_is_looked_at_twice_a_minute_all_the_same(provider: Provider) -> None:
    def next_look_s() -> float:
        return float(provider.shell(NEXT_LOOK_S))

    provider.shell(ADDRESS.format("simulated:hangs=4"))
    # Who looks has claimed the host for fifteen seconds.
    soon(True, lambda: next_look_s() > 16)
    assert next_look_s() <= 30
    provider.shell(ADDRESS.format("") + "; Host.objects.update(observe_after=None)")


def test_vm_whose_guest_is_nowhere_is_locked_and_never_deleted(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    settled(member, vm_id)
    provider.shell(GUEST.format(vm_id) + "guests.delete()")
    soon("locked", state, member, vm_id)
    assert vm_id in member.vm_list()
    assert f"VM {vm_id} is not on its host" in alerts(provider, "guest missing", vm_id)
    assert member.code("vm_start", vm_id) == 580160


def test_guest_that_nobody_knows_is_shown_to_staff_and_never_deleted(provider: Provider) -> None:
    stranger = "12345678-0000-4000-8000-000000000000"
    provider.shell(
        "from hosting.provider.models import *; from uuid import UUID\n"
        f"SimulatedGuest.objects.create(uuid=UUID({stranger!r}), host_id=Host.objects.get().pk, state='running',"
        " memory_mb=256)"
    )
    soon(True, lambda: "belongs to no VM" in alerts(provider, "guest unknown", stranger))
    assert stranger in staff(provider).get("/admin/provider/alert/")
    count = f"from hosting.provider.models import *; print(SimulatedGuest.objects.filter(uuid={stranger!r}).count())"
    time.sleep(6)
    assert provider.shell(count) == "1"
    provider.shell(count.replace("count()", "delete()"))
    soon("", alerts, provider, "guest unknown", stranger)


def test_staff_pause_and_resume_the_guest_itself(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    path = f"/admin/provider/vm/{vm_id}/change/"
    for chosen, shown in (("paused", "paused"), ("running", "running"), ("locked", "paused"), ("running", "running")):
        assert "was changed successfully" in staff(provider).post(path, state=chosen, description="")
        soon(shown, guest, provider, vm_id)
        assert state(member, vm_id) == chosen
    staff(provider).post(path, state="paused", description="")
    soon("paused", guest, provider, vm_id)
    member.done(member.vm_start(vm_id))
    assert guest(provider, vm_id) == "running"


def test_staff_cannot_halt_a_running_vm_by_hand(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    page = staff(provider).post(f"/admin/provider/vm/{vm_id}/change/", state="halted", description="")
    assert "Select a valid choice" in page
    assert state(member, vm_id) == "running"


def test_vm_with_an_open_operation_is_left_alone(provider: Provider, member: Member) -> None:
    vm_id = member.new_vm()
    settled(member, vm_id)
    provider.kill_worker()
    reboot = member.vm_reboot(vm_id)
    becomes(provider, vm_id, "halted")
    provider.worker.start()
    member.done(reboot)
    assert guest(provider, vm_id) == "running"
    time.sleep(6)
    assert state(member, vm_id) == "running"
