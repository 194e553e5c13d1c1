"""Every fault of every method, and the order of the checks: type, syntax, value, existence, rights, state."""

import xmlrpc.client
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider

DISK = {"size": 2048, "name": "data", "fstype": "ext3"}
LONG_AGO = xmlrpc.client.DateTime("20000101T00:00:00")
# Of the demonstration: VM 456 runs, 9876 is halted, 2002 paused; disk 123 is attached to 456, 1928 to none,
# 10456 is the system disk of 456; product 1234 is flexible, 1301 fixed. VM 3001, disk 13001 and product
# 1401 are a customer's.
FAULTS: list[tuple[str, tuple[Any, ...], int]] = [
    ("su", (5,), 510310),
    ("su", ("NOBODY-HERE",), 510340),
    ("su", ("ZZ9001-GANDI",), 510350),
    ("hosting_account_product_add", (5, 1, "1m"), 530110),
    ("hosting_account_product_add", ("shares", "1x", "1m"), 530110),
    ("hosting_account_product_add", ("shares", 1, 1), 530110),
    ("hosting_account_product_add", ("shares", 1, "1 month"), 530120),
    ("hosting_account_product_add", ("shares", 1, "01m"), 530120),
    ("hosting_account_product_add", ("shares", 1, "61m"), 530130),
    ("hosting_account_product_add", ("shares", 1, "6y"), 530130),
    ("hosting_account_product_add", ("stocks", 1, "1m"), 530130),
    ("hosting_account_product_add", ("shares", 0, "1m"), 530130),
    ("hosting_account_product_add", ("shares", 1000, "1m"), 530060),
    ("hosting_account_product_renew", ("1234x", "1m"), 530110),
    ("hosting_account_product_renew", (1234, "m"), 530120),
    ("hosting_account_product_renew", (1234, "9y"), 530130),
    ("hosting_account_product_renew", (999999, "1m"), 530140),
    ("hosting_account_product_renew", (1401, "1m"), 530150),
    ("hosting_account_product_renew", (1234, "5y"), 530060),
    ("hosting_account_product_remove", (True,), 530110),
    ("hosting_account_product_remove", (999999,), 530140),
    ("hosting_account_product_remove", (1401,), 530150),
    ("hosting_account_product_remove", (1234,), 530160),
    ("hosting_account_product_remove", (1301,), 530160),
    ("hosting_account_product_update", (1234, 5.5), 530110),
    ("hosting_account_product_update", (1234, -1), 530130),
    ("hosting_account_product_update", (999999, 5), 530140),
    ("hosting_account_product_update", (1401, 5), 530150),
    ("hosting_account_product_update", (1234, 5), 530160),
    ("hosting_account_product_update", (1301, 9), 530160),
    ("hosting_account_product_update", (1234, 4000), 530060),
    ("hosting_account_product_update", (1234, 4097), 530130),
    ("vm_create", (5, "passw0rd", 111, 1, 1, {}), 580110),
    ("vm_create", ("web", 5, 111, 1, 1, {}), 500110),
    ("vm_create", ("web", "passw0rd", "111x", 1, 1, {}), 580310),
    ("vm_create", ("web", "passw0rd", 111, 1.0, 1, {}), 580110),
    ("vm_create", ("web", "passw0rd", 111, 1, True, {}), 580110),
    ("vm_create", ("web", "passw0rd", 111, 1, 1, "gandi"), 580110),
    ("vm_create", ("web", "passw0rd", 111, 1, 1, {"login": 5}), 580110),
    ("vm_create", ("web_1", "passw0rd", 111, 1, 1, {}), 580120),
    ("vm_create", ("-web", "passw0rd", 111, 1, 1, {}), 580120),
    ("vm_create", ("web\n", "passw0rd", 111, 1, 1, {}), 580120),
    ("vm_create", ("web", "passw0rd", 111, 1, 1, {"logn": "gandi"}), 580120),
    ("vm_create", ("web", "passw0rd", 111, 1, 1, {"login": "Not A Login"}), 580120),
    ("vm_create", ("web", "short1", 111, 1, 1, {}), 500130),
    ("vm_create", ("web", "onlyletters", 111, 1, 1, {}), 500130),
    ("vm_create", ("web", "passw0rd", 111, 0, 1, {}), 580130),
    ("vm_create", ("web", "passw0rd", 111, 8, 5, {}), 580130),
    ("vm_create", ("web", "passw0rd", 111, 1, 2, {}), 580130),
    ("vm_create", ("web", "passw0rd", 9, 1, 1, {}), 580340),
    ("vm_create", ("web", "passw0rd", 111, 3, 1, {}), 530160),
    ("vm_info", ("456x",), 580110),
    ("vm_info", (999999,), 580140),
    ("vm_info", (3001,), 580150),
    ("vm_update", ("456x", {}), 580110),
    ("vm_update", (456, {"shares": "5x"}), 580110),
    ("vm_update", (456, {}), 580120),
    ("vm_update", (456, {"share": 5}), 580120),
    ("vm_update", (456, {"shares": 0}), 580130),
    ("vm_update", (456, {"cpu": 5}), 580130),
    ("vm_update", (456, {"vm_max_memory": 1}), 580130),
    ("vm_update", (999999, {"shares": 1}), 580140),
    ("vm_update", (3001, {"shares": 1}), 580150),
    ("vm_update", (456, {"cpu": 4}), 580160),
    ("vm_update", (456, {"shares": 9}), 580160),
    ("vm_update", (456, {"vm_max_memory": 4096}), 580160),
    ("vm_update", (9876, {"shares": 9}), 530160),
    ("vm_delete", ("9876x",), 580110),
    ("vm_delete", (999999,), 580140),
    ("vm_delete", (3001,), 580150),
    ("vm_delete", (456,), 580160),
    ("vm_start", (None.__class__.__name__,), 580110),
    ("vm_start", (999999,), 580140),
    ("vm_start", (3001,), 580150),
    ("vm_start", (456,), 580160),
    ("vm_stop", (1.5,), 580110),
    ("vm_stop", (999999,), 580140),
    ("vm_stop", (3001,), 580150),
    ("vm_stop", (9876,), 580160),
    ("vm_stop", (2002,), 580160),
    ("vm_reboot", ([456],), 580110),
    ("vm_reboot", (999999,), 580140),
    ("vm_reboot", (3001,), 580150),
    ("vm_reboot", (9876,), 580160),
    ("vm_disk_list", ("456x",), 580110),
    ("vm_disk_list", (999999,), 580140),
    ("vm_disk_list", (3001,), 580150),
    ("vm_disk_link", (456, "123x"), 580210),
    ("vm_disk_link", (999999, 123), 580140),
    ("vm_disk_link", (456, 999999), 580240),
    ("vm_disk_link", (456, 13001), 580250),
    ("vm_disk_link", (456, 1928), 580260),
    ("disk_create", ("2048",), 580210),
    ("disk_create", ({**DISK, "size": 2048.0},), 580210),
    ("disk_create", ({**DISK, "name": 5},), 580210),
    ("disk_create", ({**DISK, "size": "2 GB"},), 580210),
    ("disk_create", ({**DISK, "sizes": 1},), 580220),
    ("disk_create", ({"size": 2048, "name": "data"},), 580220),
    ("disk_create", ({**DISK, "name": ""},), 580220),
    ("disk_create", ({**DISK, "size": 1023},), 580230),
    ("disk_create", ({**DISK, "size": "1048577"},), 580230),
    ("disk_create", ({**DISK, "fstype": "zfs"},), 580230),
    ("disk_create", ({**DISK, "size": 1048576},), 530160),
    ("disk_info", ("123x",), 580210),
    ("disk_info", (999999,), 580240),
    ("disk_info", (13001,), 580250),
    ("disk_delete", ("1928x",), 580210),
    ("disk_delete", (999999,), 580240),
    ("disk_delete", (13001,), 580250),
    ("disk_delete", (123,), 580260),
    ("disk_attach", ("1928x", 456), 580210),
    ("disk_attach", (1928, "456x"), 580110),
    ("disk_attach", (999999, 456), 580240),
    ("disk_attach", (13001, 999999), 580140),
    ("disk_attach", (13001, 456), 580250),
    ("disk_attach", (1928, 3001), 580150),
    ("disk_attach", (123, 9876), 580260),
    ("disk_attach", (1928, 2002), 580160),
    ("disk_detach", ("123x", 456), 580210),
    ("disk_detach", (999999, 456), 580240),
    ("disk_detach", (123, 999999), 580140),
    ("disk_detach", (13001, 456), 580250),
    ("disk_detach", (123, 9876), 580260),
    ("disk_detach", (1928, 456), 580260),
    ("disk_detach", (10456, 456), 580260),
    ("operation_list", ("DONE",), 580410),
    ("operation_list", ({"state": 5},), 580410),
    ("operation_list", ({"created_after": "20000101T00:00:00"},), 580410),
    ("operation_list", ({"param": "vm"},), 580410),
    ("operation_list", ({"param": {"vm_id": "456x"}},), 580410),
    ("operation_list", ({"status": "DONE"},), 580420),
    ("operation_list", ({"param": {"size": 5}},), 580420),
    ("operation_list", ({"state": "FINISHED"},), 580430),
    ("operation_list", ({"type": "vm_explode"},), 580430),
    ("operation_details", ("1x",), 580410),
    ("operation_details", (999999,), 580440),
    ("operation_cancel", ("1x",), 580410),
    ("operation_cancel", (999999,), 580440),
    ("operation_cancel", (1,), 580460),
]


@pytest.mark.parametrize(("method", "args", "code"), FAULTS)
def test_a_wrong_call_gets_its_fault(reseller: Member, method: str, args: tuple[Any, ...], code: int) -> None:
    before = len(reseller.operation_list())
    assert reseller.code(method, *args) == code
    assert len(reseller.operation_list()) == before


def test_an_operation_of_another_handle_is_not_shown(reseller: Member, member: Member) -> None:
    member.buy(1)
    stranger = member.operation_list()[0]
    assert reseller.code("operation_details", stranger) == 580450
    assert reseller.code("operation_cancel", stranger) == 580450


def test_a_handle_without_hosting_account(reseller: Member) -> None:
    session = reseller.su("NH9002-GANDI")
    for method in ("hosting_account_info", "vm_list", "disk_list", "operation_list"):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            getattr(reseller.proxy, method)(session)
        assert refused.value.faultCode == 530040
    assert reseller.proxy.account_balance(session) == 5.0


@pytest.mark.parametrize("method", ["account_currency", "account_balance", "hosting_account_info", "vm_list"])
def test_every_method_needs_a_live_session_and_the_right_argument_count(reseller: Member, method: str) -> None:
    for args, code in ((("nonsense",), 510240), ((5,), 510210), ((), 520010), (("nonsense", 1, 2), 520010)):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            getattr(reseller.proxy, method)(*args)
        assert refused.value.faultCode == code


def test_checks_come_in_the_documented_order(provider: Provider) -> None:
    """Each call is wrong in several ways; the fault is that of the earliest check."""
    member = Member(provider.url, "AA1234-GANDI", "mypassword", safe=True)
    proxy = member.proxy
    calls: list[tuple[tuple[Any, ...], int]] = [
        (("nonsense", "we b", "short", 9, 0, "one", {}), 580110),  # type
        (("nonsense", "we b", "short", 9, 0, 1, {}), 580120),  # syntax
        (("nonsense", "web", "short", 9, 0, 1, {}), 500130),  # value
        (("nonsense", "web", "passw0rd", 9, 999, 1, {}), 510240),  # existence: of the session first
        ((member.session, "web", "passw0rd", 9, 999, 1, {}), 580340),  # existence
        ((member.session, "web", "passw0rd", 111, 999, 1, {}), 510250),  # rights: safe mode
        ((member.su("AA1234-GANDI"), "web", "passw0rd", 111, 999, 1, {}), 530160),  # state
    ]
    for args, code in calls:
        with pytest.raises(xmlrpc.client.Fault) as refused:
            proxy.vm_create(*args)
        assert refused.value.faultCode == code


def test_fault_texts_explain_the_error_and_hide_secrets(reseller: Member) -> None:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        reseller.vm_create("web", "hunter2", 111, 1, 1, {})
    assert refused.value.faultString == "DataError: invalid value for password [password: hidden]"
    with pytest.raises(xmlrpc.client.Fault) as refused:
        reseller.vm_create("web!", "passw0rd", 111, 1, 1, {})
    assert refused.value.faultString == "DataError: invalid syntax for hostname [hostname: web!]"
    with pytest.raises(xmlrpc.client.Fault) as refused:
        reseller.proxy.vm_info("a-stolen-session", 456)
    assert "stolen" not in refused.value.faultString


def test_dates_of_a_filter_are_inclusive(reseller: Member) -> None:
    operation_id = reseller.operation_list({"state": "ERROR"})[-1]
    made = reseller.operation_details(operation_id)["date_created"]
    moved = reseller.operation_details(operation_id)["date_updated"]
    assert operation_id in reseller.operation_list({"created_after": made, "created_before": made})
    assert operation_id in reseller.operation_list({"updated_after": moved, "updated_before": moved})
    assert reseller.operation_list({"created_before": LONG_AGO}) == []
    the_end = xmlrpc.client.DateTime("99991231T23:59:59")
    assert reseller.operation_list({"created_before": the_end}) == reseller.operation_list()
