"""Calls that go wrong on purpose: what the client sees, and what really happened."""

import http.client
import time
import xmlrpc.client

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider


def raw(member: Member, provider: Provider, method: str, *args: object) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    body = xmlrpc.client.dumps((member.session, *args), method)  # type: ignore[arg-type]
    connection.request("POST", "/xmlrpc/", body, {"Content-Type": "text/xml"})
    answer = connection.getresponse()
    return answer.status, answer.read()


DISK = {"size": 1024, "name": "scripted", "fstype": "ext3"}


@pytest.mark.parametrize(
    ("action", "executed"), [("drop_before", 0), ("drop_after", 1), ("truncate", 1), ("garbage", 1)]
)
def test_dropped_answers_are_scripted(provider: Provider, owner: Member, action: str, executed: int) -> None:
    with provider.faults(f"disk_create:{action}@1"):
        if action == "garbage":
            status, body = raw(owner, provider, "disk_create", DISK)
            assert status == 200
            assert b"methodResponse" not in body
        else:
            with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionResetError)):
                raw(owner, provider, "disk_create", DISK)
        assert len(owner.disk_list()) == executed
        owner.new_disk()
    assert len(owner.disk_list()) == executed + 1


@pytest.mark.parametrize(("action", "executed"), [("503", 0), ("503_after", 1)])
def test_out_of_service(provider: Provider, owner: Member, action: str, executed: int) -> None:
    with provider.faults(f"# comment\ndisk_create:{action}"):
        assert raw(owner, provider, "disk_create", DISK)[0] == 503
    assert len(owner.disk_list()) == executed


def test_refuse_is_a_server_fault_without_operation(provider: Provider, owner: Member) -> None:
    with provider.faults("disk_create:refuse%100"):
        assert owner.code("disk_create", DISK) == 150000
    assert owner.disk_list() == []


def test_fail_is_accepted_and_ends_in_error(provider: Provider, owner: Member) -> None:
    with provider.faults("vm_create:fail;disk_create:fail@2;vm_stop:fail"):
        disk_id = owner.new_disk()
        vm_id = owner.vm_create("doomed", "passw0rd", 111, 1, 1, {})
        details = owner.wait(owner.made("vm_create", vm_id=vm_id))
        assert (details["state"], details["step"], details["last_error"]) == (
            "ERROR",
            "ERROR",
            "scripted failure",
        )
        assert owner.vm_info(vm_id)["state"] == "invalid"
        assert owner.resources("used")["shares"] == 0, "what could not be created uses nothing"
        second = owner.disk_create(DISK)
        owner.wait(owner.made("disk_create", disk_id=second))
        assert owner.disk_info(second)["state"] == "error"
        assert owner.disk_info(disk_id)["state"] == "created"
    owner.done(owner.vm_delete(vm_id))
    owner.done(owner.disk_delete(second))
    assert owner.vm_list() == []


def test_delays_before_and_after(provider: Provider, owner: Member) -> None:
    with provider.faults("vm_list:delay=0.3;vm_list:delay_after=0.2"):
        began = time.monotonic()
        owner.vm_list()
        assert 0.5 <= time.monotonic() - began < 2
        owner.disk_list()


def test_bad_rules_are_reported(provider: Provider) -> None:
    with pytest.raises(RuntimeError, match=r"The settings are not right: PROVIDER_FAULTS: unknown action"):
        Provider(
            provider.directory,
            provider.port,
            {**provider.env, "PROVIDER_FAULTS": "vm_list:explode"},
            provider.web,
            provider.worker,
        ).manage("check")


def test_late_call_is_answered_with_a_503_and_executed_afterwards(member: Member, provider: Provider) -> None:
    def purchases() -> int:
        return len(member.operation_list({"type": "hosting_account_product_add"}))

    with provider.faults("hosting_account_product_add:late=0.3@1"), pytest.raises(xmlrpc.client.ProtocolError) as told:
        member.hosting_account_product_add("shares", 2, "1m")
    assert told.value.errcode == 503
    assert purchases() == 0
    deadline = time.monotonic() + 10
    while not purchases():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert purchases() == 1
