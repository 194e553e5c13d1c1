"""Workers and servers that die in the middle: nothing is lost, nothing happens twice."""

import time
import xmlrpc.client
from collections.abc import Iterator

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider, start_provider

ENTRIES = (
    "from hosting.provider.models import *; print(LedgerTransaction.objects.filter(operation={}).count())"
)


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start_provider(tmp_path_factory.mktemp("fragile"), PROVIDER_SPEED="0.1")
    yield running
    running.stop()


@pytest.fixture
def member(fragile: Provider) -> Member:
    return Member(fragile.url, "AA1234-GANDI", "mypassword")


def until_running(member: Member, operation: int) -> None:
    deadline = time.monotonic() + 10
    while member.operation_details(operation)["step"] != "RUN":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_worker_resumes_and_money_moves_once(fragile: Provider, member: Member) -> None:
    before = member.account_balance()
    purchase = member.hosting_account_product_add("shares", 1, "1m")
    reboot = member.vm_reboot(456)
    stop = member.vm_stop(456)
    until_running(member, purchase)
    until_running(member, reboot)
    fragile.kill_worker()
    assert member.operation_details(purchase)["state"] == "RUN"
    assert member.account_balance() == before
    queued_meanwhile = member.vm_reboot(1234)
    fragile.restart_web()
    fragile.worker.restart()
    for operation in (purchase, reboot, queued_meanwhile, stop):
        member.done(operation)
    assert member.account_balance() == before - 12
    assert fragile.shell(ENTRIES.format(purchase)) == "1"
    assert member.vm_info(456)["state"] == "halted"


def test_a_worker_killed_between_claim_and_driver(fragile: Provider, member: Member) -> None:
    fragile.kill_worker()
    reboot = member.vm_reboot(1234)
    fragile.shell(
        "from hosting.provider.models import *; from django.utils import timezone\n"
        f"Operation.objects.filter(pk={reboot}).update(state='RUN', step='BILL', date_due=timezone.now())"
    )
    fragile.worker.restart()
    member.done(reboot)


def test_the_broker_being_away_costs_no_operation(fragile: Provider) -> None:
    """The web side accepts while nothing answers at the broker's address; the worker finds the rows."""
    fragile.web.kill()
    redis_url = fragile.web.env["PROVIDER_REDIS_URL"]
    fragile.web.env["PROVIDER_REDIS_URL"] = "redis://127.0.0.1:1/0"
    try:
        fragile.web.start()
        fragile.web.wait_for_port(fragile.port)
        member = Member(fragile.url, "AA1234-GANDI", "mypassword")
        began = time.monotonic()
        operation = member.vm_reboot(1234)
        assert time.monotonic() - began < 3
        assert member.wait(operation)["state"] == "DONE"
    finally:
        fragile.web.env["PROVIDER_REDIS_URL"] = redis_url
        fragile.restart_web()


def test_faults_after_execution_leave_the_operation_to_be_found(fragile: Provider, member: Member) -> None:
    proxy = xmlrpc.client.ServerProxy(fragile.url)
    with fragile.faults("vm_reboot:503_after"), pytest.raises(xmlrpc.client.ProtocolError):
        proxy.vm_reboot(member.session, 2001)
    assert len(member.operation_list({"type": "vm_reboot", "param": {"vm_id": 2001}, "state": "ALL"})) == 2
