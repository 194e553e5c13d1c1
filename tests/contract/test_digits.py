"""A string of digits is taken for every int: untyped values of PHP and Perl travel so (contract, Wire)."""

import urllib.request
import xmlrpc.client
from typing import Any

import pytest

from tests.contract.conftest import PASSWORD, Member


def call(member: Member, method: str, *params: object) -> Any:
    return getattr(member.proxy, method)(member.session, *params)


def test_every_call_takes_strings_of_digits(member: Member) -> None:
    product = member.done(call(member, "hosting_account_product_add", "shares", "4", "1m"))["product_id"]
    member.done(call(member, "hosting_account_product_renew", str(product), "1m"))
    member.done(call(member, "hosting_account_product_update", str(product), "6"))
    vm_id = call(member, "vm_create", "123", PASSWORD, "111", "2", "1", {"login": "admin"})
    member.done(call(member, "operation_list", {"param": {"vm_id": str(vm_id)}})[0])
    assert call(member, "vm_info", str(vm_id))["hostname"] == "123"
    for method in ("vm_reboot", "vm_stop"):
        member.done(call(member, method, str(vm_id)))
    member.done(call(member, "vm_update", str(vm_id), {"shares": "3", "cpu": "1"}))
    assert call(member, "vm_info", str(vm_id))["shares"] == 3
    member.done(call(member, "vm_start", str(vm_id)))
    disk_id = call(member, "disk_create", {"size": "2048", "name": "456", "fstype": "ext3"})
    member.done(call(member, "operation_list", {"param": {"disk_id": str(disk_id)}})[0])
    assert call(member, "disk_info", str(disk_id))["name"] == "456"
    member.done(call(member, "disk_attach", str(disk_id), str(vm_id)))
    assert call(member, "vm_disk_link", str(vm_id), str(disk_id))["disk_id"] == disk_id
    assert disk_id in call(member, "vm_disk_list", str(vm_id))
    member.done(call(member, "disk_detach", str(disk_id), str(vm_id)))
    last = member.done(call(member, "disk_delete", str(disk_id)))["id"]
    assert call(member, "operation_details", str(last))["id"] == last


@pytest.mark.parametrize("value", ["", "-1", "+1", " 1", "1.0", "0x1", "12345678901", "4294967296", "١٢", "one", True])
def test_anything_else_keeps_its_type_fault(member: Member, value: object) -> None:
    for method, params, code in (
        ("vm_info", (value,), 580110),
        ("hosting_account_product_add", ("shares", value, "1m"), 530110),
        ("vm_update", (1, {"shares": value}), 580110),
        ("disk_create", ({"size": value, "name": "data", "fstype": "ext3"},), 580210),
        ("operation_list", ({"param": {"vm_id": value}},), 580410),
    ):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            call(member, method, *params)
        assert refused.value.faultCode == code, method


def test_long_integer_within_four_bytes_is_an_int(member: Member) -> None:
    member.buy(2)
    body = xmlrpc.client.dumps((member.session, 999_999), "vm_info").replace("int>", "i8>")
    assert "<i8>999999</i8>" in body
    with urllib.request.urlopen(urllib.request.Request(member.url, body.encode())) as answer:
        assert b"580140" in answer.read()
