"""What happens to VMs when shares end: pauses and starts by the provider, and what is refused meanwhile."""

import time
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.contract.test_renewals import end_in, until
from tests.contract.test_staff import staff
from tests.processes import Provider


def states(member: Member, *vm_ids: int) -> list[str]:
    return [member.vm_info(vm_id)["state"] for vm_id in vm_ids]


def by_the_provider(member: Member, kind: str, vm_id: int) -> list[dict[str, Any]]:
    """The operations of that type that the provider began by itself, newest first."""
    found = [member.operation_details(number) for number in member.operation_list({"type": kind})]
    return [each for each in found if each["vm_id"] == vm_id and "reason" in each["params"]]


def test_the_newest_vms_are_paused_until_the_rest_fits_and_run_again_after_a_renewal(
    provider: Provider, member: Member
) -> None:
    member.buy(2)
    ending = member.buy(3)
    oldest, middle, newest = (member.new_vm(shares, f"web{shares}") for shares in (2, 1, 1))
    end_in(provider, ending, -1)
    until(lambda: states(member, oldest, middle, newest) == ["running", "paused", "paused"])
    paused = member.vm_info(newest)
    (operation,) = by_the_provider(member, "vm_stop", newest)
    assert (operation["state"], operation["source"]) == ("DONE", member.handle)
    assert operation["params"]["reason"] == "shares_ended"
    assert operation["params"]["hostname"] == "web1"
    assert paused["shares_ended"] == next(
        product["date_end"] for product in member.hosting_account_info()["products"] if product["id"] == ending
    )
    assert member.code("vm_start", newest) == 530160
    assert member.code("vm_stop", newest) == 580160
    assert member.code("vm_reboot", newest) == 580160
    time.sleep(1.2)
    assert len(by_the_provider(member, "vm_stop", newest)) == 1
    member.done(member.hosting_account_product_renew(ending, "1m"))
    until(lambda: states(member, oldest, middle, newest) == ["running"] * 3)
    (started,) = by_the_provider(member, "vm_start", newest)
    assert started["params"] == {"vm_id": newest, "hostname": "web1", "reason": "shares_back"}
    assert "shares_ended" not in member.vm_info(newest)
    time.sleep(1.2)
    assert by_the_provider(member, "vm_start", oldest) == []


def test_a_halted_vm_needs_shares_to_start_and_is_never_paused_or_started_by_the_provider(
    provider: Provider, member: Member
) -> None:
    member.buy(1)
    ending = member.buy(1)
    running, halted = member.new_vm(1, "one"), member.new_vm(1, "two")
    member.done(member.vm_stop(halted))
    end_in(provider, ending, -1)
    time.sleep(1.5)
    assert states(member, running, halted) == ["running", "halted"]
    assert member.code("vm_start", halted) == 530160
    member.done(member.vm_stop(running))
    member.done(member.vm_start(halted))
    assert member.code("vm_start", running) == 530160
    member.done(member.hosting_account_product_renew(ending, "1m"))
    time.sleep(1.2)
    assert states(member, running, halted) == ["halted", "running"]


def test_after_the_redemption_vms_stay_paused_until_there_are_shares(provider: Provider, member: Member) -> None:
    product_id = member.buy(3)
    first, second = member.new_vm(1, "one"), member.new_vm(2, "two")
    end_in(provider, product_id, -24 * 8)
    until(lambda: states(member, first, second) == ["paused", "paused"])
    assert member.hosting_account_info()["products"] == []
    assert member.code("hosting_account_product_renew", product_id, "1m") == 530140
    assert member.code("vm_start", first) == 530160
    member.buy(1)
    until(lambda: states(member, first, second) == ["running", "paused"])
    assert member.code("vm_start", second) == 530160
    member.buy(2)
    until(lambda: states(member, first, second) == ["running", "running"])


def test_a_product_that_is_being_renewed_pauses_nothing(provider: Provider, owner: Member) -> None:
    vm_id = owner.new_vm(4)
    product_id = owner.hosting_account_info()["products"][0]["id"]
    provider.shell(
        "from hosting.provider.models import *; from django.utils.timezone import now, timedelta\n"
        f"Product.objects.filter(pk={product_id}).update(autorenew=True, date_end=now()-timedelta(hours=1))"
    )
    until(lambda: owner.operation_list({"type": "hosting_account_product_renew"}))
    time.sleep(1.2)
    assert states(owner, vm_id) == ["running"]
    assert owner.operation_list({"type": "vm_stop"}) == []


def test_a_vm_that_staff_paused_is_not_started_by_the_provider(provider: Provider, owner: Member) -> None:
    vm_id = owner.new_vm(4)
    product_id = owner.hosting_account_info()["products"][0]["id"]
    end_in(provider, product_id, -1)
    until(lambda: states(owner, vm_id) == ["paused"])
    path = f"/admin/provider/vm/{vm_id}/change/"
    staff(provider).post(path, state="halted", description="")
    staff(provider).post(path, state="paused", description="too loud")
    owner.done(owner.hosting_account_product_renew(product_id, "1m"))
    time.sleep(1.2)
    assert states(owner, vm_id) == ["paused"]
    assert "shares_ended" not in owner.vm_info(vm_id)
    owner.done(owner.vm_start(vm_id))


@pytest.mark.usefixtures("second_worker")
def test_two_workers_pause_and_start_each_vm_once(provider: Provider, member: Member) -> None:
    product_id = member.buy(8)
    vm_ids = [member.new_vm(1, f"web{number}") for number in range(8)]
    end_in(provider, product_id, -1)
    until(lambda: states(member, *vm_ids) == ["paused"] * 8, 40)
    member.done(member.hosting_account_product_renew(product_id, "1m"))
    until(lambda: states(member, *vm_ids) == ["running"] * 8, 40)
    for vm_id in vm_ids:
        for kind in ("vm_stop", "vm_start"):
            assert len(by_the_provider(member, kind, vm_id)) == 1, (kind, vm_id)
