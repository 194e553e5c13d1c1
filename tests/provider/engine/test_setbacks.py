"""What a host cannot do ends in ERROR and leaves nothing; what a driver does wrong is tried again, but not for ever."""

from tests.provider.engine.conftest import Watched
from tests.provider.engine.recording import PATH, REFUSAL

GIVEN_UP = "The host could not carry it out; our staff was told."
GUEST = """
from hosting.provider.engine import specs
from hosting.provider.models import *
guest = SimulatedGuest.objects.filter(uuid=specs.guest_uuid({})).first()
print(f"{{guest.state}} {{guest.memory_mb}} {{guest.disks}}" if guest else "none")
"""


def guest(watched: Watched, vm_id: int) -> str:
    return watched.provider.shell(GUEST.format(vm_id))


def test_failed_creation_leaves_nothing(watched: Watched) -> None:
    free = watched.member.resources("available")
    with watched.script(vm_create=["refuse", 0]):
        vm_id = watched.member.vm_create("newcomer", "secret-pass-1", 111, 1, 1, {"login": "admin"})
        operation = watched.member.made("vm_create", vm_id=vm_id)
        details = watched.member.wait(operation)
    assert (details["state"], details["last_error"]) == ("ERROR", REFUSAL)
    assert watched.events(operation) == ["called", "cleaned up"]
    assert watched.member.vm_info(vm_id)["state"] == "invalid"
    assert guest(watched, vm_id) == "none"
    assert watched.member.resources("available") == free


def test_failed_update_gives_the_guest_back_what_it_had(watched: Watched) -> None:
    before = guest(watched, 456)
    assert before == "running 768 [10456, 123]"
    with watched.script(vm_update=["refuse", 0]):
        update = watched.member.vm_update(456, {"shares": 4})
        details = watched.member.wait(update)
    assert (details["state"], details["last_error"]) == ("ERROR", REFUSAL)
    assert guest(watched, 456) == before
    assert watched.member.vm_info(456)["shares"] == 3
    watched.member.done(watched.member.vm_update(456, {"shares": 4}))
    assert guest(watched, 456) == "running 1024 [10456, 123]"
    watched.member.done(watched.member.vm_update(456, {"shares": 3}))


def test_driver_that_breaks_is_tried_again(watched: Watched) -> None:
    with watched.script(vm_reboot=["break", 0]):
        reboot = watched.member.vm_reboot(456)
        watched.until(lambda: watched.events(reboot).count("called") >= 3)
        details = watched.member.operation_details(reboot)
        assert (details["state"], details["last_error"]) == ("RUN", "")
    watched.member.done(reboot)
    assert f"operation {reboot}: the driver failed" in watched.log()


def test_driver_that_goes_on_breaking_is_given_up_without_its_text(watched: Watched) -> None:
    free = watched.member.resources("available")
    with watched.script(vm_create=["break", 0]):
        vm_id = watched.member.vm_create("unlucky", "secret-pass-1", 111, 1, 1, {})
        operation = watched.member.made("vm_create", vm_id=vm_id)
        details = watched.member.wait(operation, 60)
    assert (details["state"], details["last_error"]) == ("ERROR", GIVEN_UP)
    assert watched.events(operation) == ["called"] * 6 + ["cleaned up"]
    assert PATH in watched.log()
    assert "secret-pass-1" not in watched.log()
    assert watched.member.resources("available") == free


def test_operation_ends_even_when_nothing_can_be_cleaned_up(watched: Watched) -> None:
    with watched.script(vm_create=["refuse", 0], clean_up=True):
        vm_id = watched.member.vm_create("stubborn", "secret-pass-1", 111, 1, 1, {})
        operation = watched.member.made("vm_create", vm_id=vm_id)
        details = watched.member.wait(operation, 60)
    assert (details["state"], details["last_error"]) == ("ERROR", REFUSAL)
    assert watched.events(operation).count("cleaned up") == 6
    assert f"operation {operation}: its host cannot clean up" in watched.log()


def test_scripted_failure_of_what_needs_no_host(watched: Watched) -> None:
    balance = watched.member.account_balance()
    with watched.provider.faults("hosting_account_product_add:fail"):
        operation = watched.member.hosting_account_product_add("shares", 1, "1m")
    assert watched.member.wait(operation)["state"] == "ERROR"
    assert watched.member.account_balance() == balance
