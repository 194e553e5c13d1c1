"""Automatic renewals: switched on by staff, exactly once, and only when the balance covers them."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from tests.contract.conftest import Member
from tests.contract.test_money import products
from tests.contract.test_staff import staff
from tests.processes import Provider

RENEW = "hosting_account_product_renew"


def until(done: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def end_in(provider: Provider, product_id: int, hours: float) -> None:
    provider.shell(
        "from hosting.provider.models import *; from django.utils.timezone import now, timedelta\n"
        f"Product.objects.filter(pk={product_id}).update(date_end=now()+timedelta(hours={hours}))"
    )


def switch_on(provider: Provider, product_id: int, **fields: str) -> None:
    page = staff(provider).post(f"/admin/provider/product/{product_id}/change/", autorenew="on", **fields)
    assert "was changed successfully" in page


def renewals(member: Member, product_id: int) -> list[int]:
    found: list[int] = member.operation_list({"type": RENEW, "param": {"product_id": product_id}})
    return found


def log_lines(provider: Provider, text: str) -> int:
    return sum(text in line for line in provider.worker.log.read_text().splitlines())


def test_a_product_renews_itself_before_it_ends_for_the_duration_it_was_bought_with(
    provider: Provider, member: Member
) -> None:
    product_id = member.done(member.hosting_account_product_add("shares", 2, "2m"))["product_id"]
    assert products(member)[product_id]["autorenew"] is False
    switch_on(provider, product_id, quantity="99", date_end="2000-01-01")
    product = products(member)[product_id]
    assert product["autorenew"] is True
    assert product["quantity"] == 2, "staff change nothing else"
    time.sleep(1.2)
    assert renewals(member, product_id) == [], "months before its end"
    end_in(provider, product_id, 12)
    until(lambda: renewals(member, product_id))
    details = member.done(renewals(member, product_id)[0])
    assert details["source"] == member.handle
    assert details["params"] == {"product_id": product_id, "duration": "2m", "reason": "autorenew"}
    assert member.account_balance() == 500.0 - 48 - 48
    end = products(member)[product_id]["date_end"]
    assert datetime.strptime(str(end), "%Y%m%dT%H:%M:%S") > datetime.now(), "in two months"  # noqa: DTZ005, DTZ007
    time.sleep(1.2)
    assert len(renewals(member, product_id)) == 1


def test_without_money_it_is_not_renewed_and_staff_are_told_once(provider: Provider, member: Member) -> None:
    product_id = member.buy(25)
    switch_on(provider, product_id)
    end_in(provider, product_id, 12)
    told = f"product {product_id} of {member.handle} does not renew itself"
    until(lambda: log_lines(provider, told))
    time.sleep(1.5)
    assert renewals(member, product_id) == []
    provider.kill_worker()
    provider.worker.start()
    time.sleep(3)
    assert log_lines(provider, told) == 1
    page = f"/admin/provider/product/{product_id}/change/"
    assert "icon-yes" in staff(provider).get(page), "could not be renewed"
    provider.shell(
        "from decimal import Decimal; from hosting.provider import ledger; from hosting.provider.models import *\n"
        f"ledger.deposit(Handle.objects.get(handle={member.handle!r}), Decimal(100), 'deposit')"
    )
    until(lambda: renewals(member, product_id))
    member.done(renewals(member, product_id)[0])
    assert member.account_balance() == 0.0
    assert "icon-yes" not in staff(provider).get(page)


def test_an_open_purchase_keeps_its_part_of_the_balance(provider: Provider, member: Member) -> None:
    """The balance covers one of the two."""
    first, second = member.buy(11), member.buy(11)
    for product_id in (first, second):
        switch_on(provider, product_id)
        end_in(provider, product_id, 12)
    until(lambda: renewals(member, first) + renewals(member, second))
    time.sleep(1.2)
    assert len(renewals(member, first) + renewals(member, second)) == 1
    assert member.account_balance() == 500.0 - 3 * 132


@pytest.mark.usefixtures("second_worker")
def test_two_workers_renew_each_product_once(provider: Provider, member: Member) -> None:
    product_ids = [member.buy(1) for _ in range(12)]
    ids = ",".join(map(str, product_ids))
    provider.shell(
        "from hosting.provider.models import *; from django.utils.timezone import now, timedelta\n"
        f"Product.objects.filter(pk__in=[{ids}]).update(autorenew=True, date_end=now()+timedelta(hours=1))"
    )
    until(lambda: all(renewals(member, product_id) for product_id in product_ids), 40)
    time.sleep(1.5)
    for product_id in product_ids:
        (operation,) = renewals(member, product_id)
        member.done(operation)
    assert member.account_balance() == 500.0 - 2 * 12 * 12
