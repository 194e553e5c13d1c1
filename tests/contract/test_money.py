"""Products and the ledger: what things cost, when money moves, and that it moves once."""

import xmlrpc.client

from tests.contract.conftest import Member
from tests.processes import Provider

BOOKS = """
from django.db.models import Sum
from hosting.provider.models import *
sums = LedgerTransaction.objects.annotate(total=Sum("entries__amount")).exclude(total=0).count()
print(sums, int(100 * LedgerEntry.objects.aggregate(total=Sum("amount"))["total"]))
"""


def products(member: Member) -> dict[int, dict[str, object]]:
    return {product["id"]: product for product in member.hosting_account_info()["products"]}


def test_buying_renewing_growing_and_releasing(member: Member) -> None:
    assert member.account_currency() == "EUR"
    product_id = member.buy(2)
    assert member.account_balance() == 476.0, "two shares of 12 EUR for a month"
    assert member.resources("granted")["shares"] == 2
    member.done(member.hosting_account_product_renew(product_id, "2m"))
    assert member.account_balance() == 428.0
    grown = member.done(member.hosting_account_product_update(product_id, 3))
    assert grown["params"] == {"product_id": product_id, "quantity": 3}
    paid = 428.0 - member.account_balance()
    assert 34 < paid <= 36, "one more share for the three months left"
    member.done(member.hosting_account_product_update(product_id, 2))
    assert abs(member.account_balance() - 428.0) <= 0.02
    member.done(member.hosting_account_product_remove(product_id))
    assert 495 < member.account_balance() <= 500.0
    assert products(member) == {}
    assert member.code("hosting_account_product_renew", product_id, "1m") == 530140


def test_growing_at_once_costs_what_buying_at_once_costs(member: Member) -> None:
    product_id = member.buy(1)
    member.done(member.hosting_account_product_update(product_id, 10))
    assert member.account_balance() == 380.0
    member.done(member.hosting_account_product_remove(product_id))
    assert 499.9 < member.account_balance() <= 500.0


def test_renewals_return_to_the_day_of_the_purchase(provider: Provider, member: Member) -> None:
    product_id = member.buy(1)
    provider.shell(
        "from hosting.provider.models import *; from datetime import datetime, UTC\n"
        f"Product.objects.filter(pk={product_id}).update(date_created=datetime(2031, 1, 31, 12, tzinfo=UTC),"
        " date_end=datetime(2031, 2, 28, 12, tzinfo=UTC), anchor_day=31)"
    )
    for _ in range(2):
        member.done(member.hosting_account_product_renew(product_id, "1m"))
    assert str(products(member)[product_id]["date_end"]) == "20310430T12:00:00"
    member.done(member.hosting_account_product_renew(product_id, "1m"))
    assert str(products(member)[product_id]["date_end"]) == "20310531T12:00:00"


def test_an_optional_disk_product_adds_quota(member: Member) -> None:
    member.done(member.hosting_account_product_add("disk", 10240, "1y"))
    assert member.resources("granted")["disk"] == 10240
    assert member.account_balance() == 475.42, "10,240 MB for twelve months, rounded up to the cent"
    member.new_disk(size=10240)
    assert member.code("disk_create", {"size": 1024, "name": "more", "fstype": "jfs"}) == 530160


def test_product_in_use_cannot_be_released(owner: Member) -> None:
    product_id = next(iter(products(owner)))
    owner.new_vm(shares=3)
    assert owner.code("hosting_account_product_remove", product_id) == 530160
    assert owner.code("hosting_account_product_update", product_id, 2) == 530160
    owner.done(owner.hosting_account_product_update(product_id, 3))
    assert owner.resources("available")["shares"] == 0


def test_open_purchases_reserve_their_part_of_the_balance(provider: Provider, member: Member) -> None:
    with provider.faults("hosting_account_product_add:fail@1"):
        failed = member.hosting_account_product_add("shares", 30, "1m")
    assert member.wait(failed)["state"] == "ERROR"
    assert member.account_balance() == 500.0, "what failed costs nothing"
    product_ids = [member.hosting_account_product_add("shares", 20, "1m")]
    codes = []
    for _ in range(3):
        try:
            product_ids.append(member.hosting_account_product_add("shares", 20, "1m"))
        except xmlrpc.client.Fault as refused:
            codes.append(refused.faultCode)
    assert codes == [530060] * 2
    for operation in product_ids:
        member.done(operation)
    assert member.account_balance() == 20.0


def test_the_books_balance(provider: Provider, member: Member) -> None:
    member.buy(1)
    assert provider.shell(BOOKS) == "0 0"


def test_an_expired_product_can_be_renewed_for_a_week_and_is_gone_then(provider: Provider, member: Member) -> None:
    product_id = member.buy(2)

    def end_days_ago(days: int) -> None:
        provider.shell(
            "from hosting.provider.models import *; from django.utils.timezone import now, timedelta\n"
            f"Product.objects.filter(pk={product_id}).update(date_end=now()-timedelta(days={days}))"
        )

    end_days_ago(6)
    product = products(member)[product_id]
    assert product["is_in_redemption"] is True
    assert product["errors_for_updating"]
    assert product["errors_for_renewing"] == []
    assert member.resources("granted")["shares"] == 0
    assert member.resources("expired")["shares"] == 2
    assert member.code("hosting_account_product_update", product_id, 3) == 530160
    assert member.code("vm_create", "web", "passw0rd", 111, 1, 1, {}) == 530160
    member.done(member.hosting_account_product_renew(product_id, "1m"))
    assert member.resources("granted")["shares"] == 2
    end_days_ago(8)
    assert products(member) == {}
    assert member.resources("expired")["shares"] == 0
    assert member.code("hosting_account_product_renew", product_id, "1m") == 530140
