"""The wire itself: what is refused before any method runs, and the shapes of the answers."""

import http.client
import re
import xmlrpc.client
from collections.abc import Iterator

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider


def post(provider: Provider, body: bytes | Iterator[bytes]) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    connection.request("POST", "/xmlrpc/", body, {"Content-Type": "text/xml"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def fault_of(answer: tuple[int, bytes]) -> int:
    assert answer[0] == 200
    with pytest.raises(xmlrpc.client.Fault) as refused:
        xmlrpc.client.loads(answer[1])
    return refused.value.faultCode


def call(value: str) -> bytes:
    return (
        "<?xml version='1.0'?><methodCall><methodName>vm_list</methodName>"
        f"<params><param>{value}</param></params></methodCall>"
    ).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml at all",
        b"<methodCall><methodName>vm_list</methodName>",
        b"<methodResponse><params/></methodResponse>",
        b"<methodCall><params/></methodCall>",
        call("<value><nil/></value>"),
        call("<value><int>many</int></value>"),
        call("<value><i4>2147483648</i4></value>"),
        call("<value><boolean>2</boolean></value>"),
        call("<value><double>nan</double></value>"),
        call("<value><dateTime.iso8601>2026-11-23</dateTime.iso8601></value>"),
        call("<value><array/></value>"),
        call("<value><struct><member><name>a</name></member></struct></value>"),
        call("<value><array><data>" * 50 + "</data></array></value>" * 50),
        call("<int>5</int>"),
        b"<?xml version='1.0' encoding='klingon'?><methodCall/>",
        b"\xff\xfe\x00",
    ],
)
def test_malformed_calls_get_a_fault(provider: Provider, body: bytes) -> None:
    assert fault_of(post(provider, body)) == 520020


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE methodCall>",
        '<!DOCTYPE methodCall [<!ENTITY a "aaaa">]>',
        '<!DOCTYPE methodCall [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE methodCall SYSTEM "http://127.0.0.1:1/x.dtd">',
    ],
)
def test_document_types_and_entities_are_refused(provider: Provider, doctype: str) -> None:
    body = call("<value>&a;</value>").replace(b"<methodCall>", doctype.encode() + b"<methodCall>", 1)
    assert fault_of(post(provider, body)) == 520020


def test_unknown_methods(provider: Provider) -> None:
    for name in ("vm_explode", "system.multicall", "__init__"):
        assert fault_of(post(provider, xmlrpc.client.dumps((), name).encode())) == 520040


def test_a_body_over_one_mebibyte_is_too_large(provider: Provider) -> None:
    filler = b" " * (1 << 20)
    assert post(provider, call("<value>x</value>") + filler)[0] == 413
    assert post(provider, iter([call("<value>x</value>"), filler]))[0] == 413, "in chunks, without a length"
    exact = call("<value>x</value>")
    assert fault_of(post(provider, exact + b" " * ((1 << 20) - len(exact)))) == 510240
    assert fault_of(post(provider, iter([exact]))) == 510240


def test_other_http_methods_and_pages(provider: Provider) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    for path, method, status in (
        ("/xmlrpc/", "GET", 405),
        ("/health", "GET", 200),
        ("/", "GET", 200),
        ("/admin/login/", "GET", 200),
        ("/static/admin/css/base.css", "GET", 200),
    ):
        connection.request(method, path)
        answer = connection.getresponse()
        assert (path, answer.status) == (path, status)
        answer.read()


def test_text_outside_ascii_travels_whole(owner: Member) -> None:
    disk_id = owner.new_disk(name="Données <été> & «hiver» 日本")
    assert owner.disk_info(disk_id)["name"] == "Données <été> & «hiver» 日本"


def test_dates_are_utc_in_the_short_form(reseller: Member) -> None:
    text = str(reseller.vm_info(456)["date_created"])
    assert re.fullmatch(r"\d{8}T\d\d:\d\d:\d\d", text)


def test_a_size_may_be_a_string_of_digits(owner: Member) -> None:
    disk_id = owner.disk_create({"size": "2048", "name": "data", "fstype": "xfs"})
    assert owner.disk_info(disk_id)["size"] == 2048


def test_structs_have_the_documented_keys(reseller: Member) -> None:
    info = reseller.hosting_account_info()
    assert set(info) == {"id", "handle", "fullname", "share_definition", "products", "resources"}
    assert info["share_definition"] == {
        "servers": 1,
        "memory": 256,
        "cores": 0.25,
        "disk": 8192,
        "bandwidth": 5120.0,
        "slots": 0.667,
    }
    assert set(info["resources"]) == {"granted", "used", "available", "expired"}
    for part in info["resources"].values():
        assert set(part) == {"shares", "servers", "memory", "cores", "disk", "bandwidth", "ips", "slots"}
    product = {product["id"]: product for product in info["products"]}[1301]
    assert set(product) == {
        *(
            "id",
            "product_name",
            "quantity",
            "duration",
            "date_created",
            "date_end",
            "autorenew",
            "can_release",
        ),
        *("is_in_redemption", "redemption", "errors_for_updating", "errors_for_renewing"),
        *("errors_for_removing", "errors_for_releasing"),
    }
    assert product["errors_for_updating"]
    assert not product["errors_for_renewing"]
    vm = reseller.vm_info(456)
    assert set(vm) == {
        *("id", "hostname", "state", "description", "os_id", "os_label", "shares", "flex_shares", "cores"),
        *(
            "memory",
            "vm_max_memory",
            "console",
            "disks_id",
            "disks",
            "ifaces",
            "date_created",
            "date_updated",
        ),
    }
    assert {ip["version"] for ip in vm["ifaces"][0]["ips"]} == {4, 6}
    assert vm["disks_id"] == reseller.vm_disk_list(456) == [10456, 123]
    disk = reseller.disk_info(123)
    assert set(disk) == {
        *("id", "name", "label", "size", "fstype", "type", "state", "is_boot_disk", "vms_id", "can_snapshot"),
        *("date_created", "date_updated"),
    }
    assert vm["disks"][1] == disk
    assert reseller.vm_disk_link(456, 123) == {
        "vm_id": 456,
        "disk_id": 123,
        "position": 1,
        "device": "/dev/xvdb",
        "is_boot_disk": False,
    }
    details = reseller.operation_details(reseller.operation_list({"state": "ERROR"})[-1])
    assert set(details) == {
        *("id", "type", "state", "step", "source", "vm_id", "disk_id", "product_id", "params", "eta"),
        *("last_error", "date_created", "date_start", "date_updated"),
    }
    assert (details["vm_id"], details["disk_id"]) == (2001, "")
    images = reseller.os_list()
    assert len(images) >= 10
    assert set(images[0]) == {"os_id", "label", "arch", "family", "kernel_version", "min_disk", "visibility"}
