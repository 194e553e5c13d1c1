"""`…_many` give what the single forms give, for what exists and is one's own, in few queries; `sharedeck.prices`."""

import xmlrpc.client
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider

KINDS = {"vm_info": "vm_list", "disk_info": "disk_list", "operation_details": "operation_list"}


def many(member: Member, method: str, ids: list[Any]) -> list[dict[str, Any]]:
    proxy: Any = member.proxy
    found: list[dict[str, Any]] = getattr(proxy.sharedeck, f"{method}_many")(member.session, ids)
    return found


@pytest.fixture
def with_things(owner: Member) -> Member:
    vm = owner.new_vm()
    owner.new_disk()
    owner.done(owner.disk_attach(owner.new_disk(name="more"), vm))
    owner.new_vm(hostname="web2")
    return owner


@pytest.mark.parametrize(("method", "listed"), KINDS.items())
def test_many_gives_what_the_single_form_gives_in_the_order_asked(
    with_things: Member, method: str, listed: str
) -> None:
    ids = list(reversed(getattr(with_things, listed)()))
    assert len(ids) >= 2
    assert many(with_things, method, ids) == [getattr(with_things, method)(each) for each in ids]


@pytest.mark.parametrize(("method", "listed"), KINDS.items())
def test_many_leaves_out_what_does_not_exist_or_is_another_ones(
    with_things: Member, provider: Provider, pool: Iterator[str], method: str, listed: str
) -> None:
    ids = getattr(with_things, listed)()
    assert [each["id"] for each in many(with_things, method, [2**31 - 1, ids[0], ids[0]])] == [ids[0]]
    stranger = Member(provider.url, next(pool))
    assert many(stranger, method, ids) == []


@pytest.mark.parametrize("method", KINDS)
def test_many_takes_200_ids_and_digit_strings_and_nothing_else(with_things: Member, method: str) -> None:
    assert many(with_things, method, [str(2**31 - 1)] * 200) == []
    for ids, cause in (([1] * 201, 30), ([1.5], 10), ([[1]], 10), ("1", 10)):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            many(with_things, method, ids)  # type: ignore[arg-type]
        assert refused.value.faultCode % 100 == cause


def test_number_of_queries_does_not_depend_on_how_many_are_read(with_things: Member, provider: Provider) -> None:
    counts = provider.shell(
        "from django.db import connection; from django.test.utils import CaptureQueriesContext\n"
        "from hosting.provider.methods.registry import METHODS; from hosting.provider.methods.calls import Call\n"
        "from hosting.provider.models import *; import datetime\n"
        f"handle = Handle.objects.get(handle={with_things.handle!r})\n"
        "call = Call(ApiSession(handle=handle, login=handle, safe=False)); call.account\n"
        "for name, rows in (('vm_info', Vm), ('disk_info', Disk), ('operation_details', Operation)):\n"
        "    ids = list(rows.objects.filter(account=call.account).values_list('pk', flat=True))\n"
        "    counts = []\n"
        "    for some in (ids[:1], ids):\n"
        "        with CaptureQueriesContext(connection) as queries:\n"
        "            assert len(METHODS[f'sharedeck.{name}_many'].run(call, some)) == len(some)\n"
        "        counts.append(len(queries))\n"
        "    print(counts[0] == counts[1] <= 2, len(ids) > 1)"
    )
    assert counts.split("\n") == ["True True"] * 3


def test_price_list_says_what_a_purchase_costs(member: Member) -> None:
    proxy: Any = member.proxy
    listed = proxy.sharedeck.prices(member.session)
    assert listed["currency"] == member.account_currency()
    assert {each["product_name"]: each["unit"] for each in listed["products"]} == {
        "shares": "share",
        "shares_fixed": "share",
        "disk": "MB",
    }
    for each in listed["products"]:
        before = Decimal(str(member.account_balance()))
        quantity = 3 if each["unit"] == "share" else 4096
        member.done(member.hosting_account_product_add(each["product_name"], quantity, "2m"))
        cost = before - Decimal(str(member.account_balance()))
        assert cost == round(Decimal(str(each["unit_price_month"])) * quantity * 2, 2)
