"""Workers and servers that die in the middle: nothing is lost, nothing happens twice."""

import os
import time
import xmlrpc.client
from collections.abc import Iterator

import pytest

from tests.contract.conftest import Member
from tests.processes import Process, Provider, free_port, start_provider, start_valkey

ENTRIES = "from hosting.provider.models import *; print(LedgerTransaction.objects.filter({}).count())"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A Valkey server that tests may kill."""
    log = tmp_path_factory.mktemp("broker") / "valkey.log"
    running = start_valkey(free_port(), os.environ["VALKEY_PASSWORD"], log)
    yield running
    running.kill()


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory, broker: Process) -> Iterator[Provider]:
    url = f"redis://:{os.environ['VALKEY_PASSWORD']}@127.0.0.1:{broker.env['VALKEY_PORT']}/1"
    running = start_provider(
        tmp_path_factory.mktemp("fragile"),
        PROVIDER_SPEED="0.1",
        PROVIDER_REDIS_URL=url,
        PROVIDER_RATE_LIMIT="500",
    )
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
    assert fragile.shell(ENTRIES.format(f"operation={purchase}")) == "1"
    assert member.vm_info(456)["state"] == "halted"


def test_a_worker_killed_between_claim_and_driver(fragile: Provider, member: Member) -> None:
    fragile.kill_worker()
    reboot = member.vm_reboot(1234)
    fragile.shell(
        "from datetime import timedelta; from hosting.provider.models import *; from django.utils import timezone\n"
        f"n = timezone.now(); Operation.objects.filter(pk={reboot}).update(state='RUN', step='RUN', runner='gone',"
        " date_start=n, date_due=n, lease_until=n + timedelta(seconds=2))"
    )
    fragile.worker.restart()
    member.done(reboot)


def test_two_workers_that_keep_dying_execute_each_operation_once(fragile: Provider, member: Member) -> None:
    before = member.account_balance()
    second = Process(fragile.worker.arguments, fragile.worker.env, fragile.directory / "second.log")
    try:
        purchases = []
        for worker in (fragile.worker, second, fragile.worker):
            purchases += [member.hosting_account_product_add("disk", 5000, "1m") for _ in range(4)]
            time.sleep(0.3)
            worker.restart()
        for purchase in purchases:
            member.done(purchase)
    finally:
        second.kill()
    assert fragile.shell(ENTRIES.format(f"operation__in={purchases}")) == "12"
    assert member.account_balance() == before - 12


def test_broker_outage_loses_no_operation(broker: Process, member: Member) -> None:
    """Calls are answered, and the worker finds the rows by itself."""
    begun = member.vm_reboot(2001)
    until_running(member, begun)
    broker.kill()
    began = time.monotonic()
    accepted = member.vm_reboot(1234)
    assert time.monotonic() - began < 2
    member.done(begun)
    member.done(accepted)
    broker.start()
    broker.wait_for_port(int(broker.env["VALKEY_PORT"]))
    member.done(member.vm_reboot(1234))


def test_a_call_that_was_executed_and_not_answered_is_found(fragile: Provider, member: Member) -> None:
    before = member.operation_list({"type": "vm_reboot", "param": {"vm_id": 2001}})
    with fragile.faults("vm_reboot:503_after"), pytest.raises(xmlrpc.client.ProtocolError):
        member.vm_reboot(2001)
    after = member.operation_list({"type": "vm_reboot", "param": {"vm_id": 2001}})
    assert after[1:] == before
    member.done(after[0])
