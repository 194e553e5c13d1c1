"""The specification's PHP and Perl samples, by the bytes that their clients send.

PHP's `xmlrpcval` is a string unless a type is given, so numbers arrive as strings of digits. Perl's `XMLRPC::Lite`
guesses: what looks like an integer is sent as one. Both were read in the sources of these clients.
"""

import re
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.contract.test_wire import post
from tests.processes import Provider, start_provider

Writer = Callable[..., bytes]
Struct = dict[str, str | int]


def php(method: str, *args: str | bool | Struct) -> bytes:
    """What `xmlrpcmsg` of xmlrpc.inc makes of untyped values; a boolean is the only value with a type."""

    def value(content: str | bool | Struct) -> str:
        if isinstance(content, dict):
            members = "".join(
                f"<member><name>{name}</name>\n{value(str(of))}</member>\n" for name, of in content.items()
            )
            return f"<value><struct>\n{members}</struct></value>\n"
        kind, text = ("boolean", str(int(content))) if isinstance(content, bool) else ("string", content)
        return f"<value><{kind}>{text}</{kind}></value>\n"

    params = "".join(f"<param>\n{value(arg)}</param>\n" for arg in args)
    head = f'<?xml version="1.0"?>\n<methodCall>\n<methodName>{method}</methodName>\n'
    return f"{head}<params>\n{params}</params>\n</methodCall>".encode()


def perl(method: str, *args: str | bool | Struct) -> bytes:
    """What `XMLRPC::Lite` makes of scalars and hashes."""

    def value(content: str | bool | Struct) -> str:
        if isinstance(content, dict):
            members = "".join(f"<member><name>{name}</name>{value(str(of))}</member>" for name, of in content.items())
            return f"<value><struct>{members}</struct></value>" if members else "<value><struct/></value>"
        if isinstance(content, bool):
            return f"<value><boolean>{int(content)}</boolean></value>"
        kind = "int" if re.fullmatch(r"[+-]?\d+", content) else "string"
        return f"<value><{kind}>{content}</{kind}></value>"

    params = "".join(f"<param>{value(arg)}</param>" for arg in args)
    head = f'<?xml version="1.0" encoding="UTF-8"?><methodCall><methodName>{method}</methodName>'
    return f"{head}<params>{params}</params></methodCall>".encode()


# The samples' calls after the session, in an order in which they succeed: see `tests.contract.test_samples`.
CALLS: list[tuple[str, tuple[str | Struct, ...]]] = [
    ("account_currency", ()),
    ("account_balance", ()),
    ("hosting_account_info", ()),
    ("hosting_account_product_add", ("shares", "4", "1m")),
    ("hosting_account_product_renew", ("1234", "1m")),
    ("vm_create", ("vmtest1", "my_password", "111", "4", "1", {"login": "gandi"})),
    ("vm_update", ("1234", {"shares": 5})),
    ("vm_info", ("456",)),
    ("vm_list", ()),
    ("vm_start", ("9876",)),
    ("vm_reboot", ("9876",)),
    ("vm_stop", ("9876",)),
    ("vm_delete", ("9876",)),
    ("disk_create", ({"size": 2048, "name": "disk2GB", "fstype": "ext3"},)),
    ("disk_info", ("123",)),
    ("disk_delete", ("1928",)),
]
# Product 1234 is in use, so it can be neither given back nor made smaller.
REFUSED: list[tuple[str, tuple[str, ...]]] = [
    ("hosting_account_product_remove", ("1234",)),
    ("hosting_account_product_update", ("1234", "5")),
]
CREATES_OPERATION = re.compile(r"hosting_account_product_.*|vm_(update|start|reboot|stop|delete)|disk_delete")


@pytest.fixture(params=[php, perl])
def writer(request: pytest.FixtureRequest) -> Writer:
    written: Writer = request.param
    return written


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start_provider(tmp_path_factory.mktemp("samples"))
    yield running
    running.stop()


def send(provider: Provider, body: bytes) -> Any:
    status, answer = post(provider, body)
    assert status == 200
    return xmlrpc.client.loads(answer)[0][0]


def test_every_sample_of_an_untyped_client_runs(fresh: Provider, writer: Writer) -> None:
    session = send(fresh, writer("login", "AA1234-GANDI", "mypassword", True))
    with pytest.raises(xmlrpc.client.Fault) as refused:
        send(fresh, writer("vm_start", session, "9876"))
    assert refused.value.faultCode == 510250
    session = send(fresh, writer("su", session, "AA1234-GANDI"))
    member = Member(fresh.url, "AA1234-GANDI", "mypassword")
    answers: dict[str, Any] = {}
    for method, args in CALLS:
        answers[method] = send(fresh, writer(method, session, *args))
        if CREATES_OPERATION.fullmatch(method):
            member.done(answers[method])
    for method, args in REFUSED:
        with pytest.raises(xmlrpc.client.Fault) as refused:
            send(fresh, writer(method, session, *args))
        assert refused.value.faultCode == 530160, method
    vm = member.vm_info(answers["vm_create"])
    assert (vm["hostname"], vm["os_id"], vm["shares"], vm["cores"]) == ("vmtest1", 111, 4, 1)
    assert member.vm_info(1234)["shares"] == 5
    disk = member.disk_info(answers["disk_create"])
    assert (disk["size"], disk["name"], disk["fstype"]) == (2048, "disk2GB", "ext3")
    assert 9876 not in member.vm_list()
    assert 1928 not in member.disk_list()


def test_printed_perl_samples_send_empty_specs(provider: Provider, owner: Member) -> None:
    """They write `$specs["login"]` where a hash needs `$specs->{login}`, so nothing gets into the hash."""
    vm_id = send(provider, perl("vm_create", owner.session, "vmtest1", "my_password", "111", "4", "1", {}))
    owner.done(owner.made("vm_create", vm_id=vm_id))
    for method, args, code in (("vm_update", (str(vm_id), {}), 580120), ("disk_create", ({},), 580220)):
        with pytest.raises(xmlrpc.client.Fault) as refused:
            send(provider, perl(method, owner.session, *args))
        assert refused.value.faultCode == code, method


def test_perl_string_parameters_that_look_like_numbers_stay_type_faults(provider: Provider, owner: Member) -> None:
    body = perl("disk_create", owner.session, {"size": 2048, "name": "123", "fstype": "ext3"})
    with pytest.raises(xmlrpc.client.Fault) as refused:
        send(provider, body)
    assert refused.value.faultCode == 580210
