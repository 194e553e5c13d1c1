"""`sharedeck.changes` names every object that a client would find changed, and nothing else."""

import signal
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.conftest import PASSWORD, POOL, Held, Member
from tests.processes import Provider, start_provider

Named = set[tuple[str, int]]


LEFT = (
    "__import__('hosting.provider.models').provider.models.ChangedObject.objects"
    ".filter(account__handle__handle='{handle}').count()"
)


def changes(member: Member, cursor: str, wait_s: int = 0) -> dict[str, Any]:
    # A proxy of its own: the standard library's keeps one connection, on which a held call would block the others.
    proxy: Any = xmlrpc.client.ServerProxy(member.url)
    answer: dict[str, Any] = proxy.sharedeck.changes(member.session, cursor, wait_s)
    return answer


def begin(member: Member) -> str:
    return str(changes(member, "")["cursor"])


class Follower:
    """Reads everything that version 1 shows, and compares what differs with what is named."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.cursor = begin(member)
        self.seen = self.read()

    def read(self) -> dict[tuple[str, int], object]:
        member = self.member
        info = member.hosting_account_info()
        account = info["id"]
        found: dict[tuple[str, int], object] = {("product", each["id"]): each for each in info.pop("products")}
        found |= {("vm", each): self.own(member.vm_info(each)) for each in member.vm_list()}
        found |= {("disk", each): member.disk_info(each) for each in member.disk_list()}
        for each in member.operation_list():
            details = member.operation_details(each)
            # It counts down by itself.
            del details["eta"]
            found["operation", each] = details
        found["account", account] = (info, member.account_balance())
        return found

    @staticmethod
    def own(vm: dict[str, Any]) -> dict[str, Any]:
        """A VM without what is its disks' own."""
        return {name: value for name, value in vm.items() if name != "disks"}

    def compare(self) -> tuple[Named, Named, Named]:
        """What differs since the last comparison, what was named, and what of that was named as gone."""
        before, self.seen = self.seen, self.read()
        answer = changes(self.member, self.cursor)
        self.cursor = answer["cursor"]
        named = [(each["type"], each["id"]) for each in answer["changes"]]
        assert len(named) == len(set(named))
        differing = {key for key in before.keys() | self.seen.keys() if before.get(key) != self.seen.get(key)}
        gone = {(each["type"], each["id"]) for each in answer["changes"] if each["deleted"]}
        return differing, set(named), gone


def test_every_method_names_what_it_changes(member: Member) -> None:
    follower = Follower(member)

    def check() -> Named:
        differing, named, gone = follower.compare()
        assert differing <= named, f"not named: {differing - named}"
        # An operation may come and go without changing the object that it was about, as a reboot does.
        assert {each for each in named - differing if each[0] == "operation"} == set()
        assert gone == {each for each in named if each[0] in {"vm", "disk", "product"} and each not in follower.seen}
        return differing

    product = member.buy(8)
    assert ("product", product) in check()
    vm = member.new_vm(shares=2)
    assert ("vm", vm) in check()
    disk = member.new_disk()
    assert ("disk", disk) in check()
    member.done(member.disk_attach(disk, vm))
    assert {("vm", vm), ("disk", disk)} <= check()
    member.done(member.vm_update(vm, {"shares": 3, "cpu": 2}))
    assert ("vm", vm) in check()
    member.done(member.vm_reboot(vm))
    check()
    member.done(member.vm_stop(vm))
    assert ("vm", vm) in check()
    member.done(member.vm_start(vm))
    check()
    member.done(member.disk_detach(disk, vm))
    assert {("vm", vm), ("disk", disk)} <= check()
    member.done(member.disk_attach(disk, vm))
    member.done(member.vm_stop(vm))
    check()
    system_disk = member.vm_info(vm)["disks_id"][0]
    member.done(member.vm_delete(vm))
    assert {("vm", vm), ("disk", disk), ("disk", system_disk)} <= check()
    member.done(member.disk_delete(disk))
    assert ("disk", disk) in check()
    member.done(member.hosting_account_product_update(product, 9))
    member.done(member.hosting_account_product_renew(product, "1m"))
    assert ("product", product) in check()
    member.done(member.hosting_account_product_remove(product))
    assert ("product", product) in check()


def test_accepted_failed_and_cancelled_operations_are_named(provider: Provider, member: Member) -> None:
    member.buy(4)
    follower = Follower(member)
    with provider.faults("vm_create:fail"):
        vm = member.vm_create("web1", PASSWORD, 111, 1, 1, {"login": "admin"})
        member.wait(member.made("vm_create", vm_id=vm))
    differing, named, _ = follower.compare()
    assert differing <= named
    assert ("vm", vm) in named


def test_what_staff_change_is_named(provider: Provider, member: Member) -> None:
    member.buy(4)
    vm = member.new_vm()
    follower = Follower(member)
    provider.shell(
        "from decimal import Decimal; from hosting.provider import ledger; from hosting.provider.models import Handle; "
        f"ledger.deposit(Handle.objects.get(handle={member.handle!r}), Decimal(5), 'deposit')"
    )
    differing, named, _ = follower.compare()
    assert {each[0] for each in differing} == {"account"}
    assert differing <= named
    provider.shell(
        "from django.contrib import admin; from hosting.provider.models import Vm; from types import SimpleNamespace\n"
        f"vm = Vm.objects.get(pk={vm}); vm.state = 'locked'\n"
        "form = SimpleNamespace(changed_data=['state'])\n"
        "admin.site.get_model_admin(Vm).save_model(None, vm, form, True)"
    )
    differing, named, _ = follower.compare()
    assert ("vm", vm) in differing
    assert differing <= named


def test_end_of_a_product_and_of_its_redemption_are_named(provider: Provider, member: Member) -> None:
    product = member.buy(2)
    follower = Follower(member)
    for past, gone in (("1 hour", False), ("8 days", True)):
        number, unit = past.split()
        provider.shell(
            "from datetime import timedelta; from django.utils import timezone\n"
            "from hosting.provider.models import Product\n"
            f"end = timezone.now() - timedelta({unit.rstrip('s')}s={number})\n"
            f"Product.objects.filter(pk={product}).update(date_end=end)"
        )
        answer = changes(member, follower.cursor, 20)
        assert {(each["type"], each["id"], each["deleted"]) for each in answer["changes"]} >= {
            ("product", product, gone)
        }
        differing, named, _ = follower.compare()
        assert differing <= named


def test_change_that_commits_late_is_not_missed(provider: Provider, member: Member) -> None:
    """Numbers are handed out in the order in which transactions end."""
    cursor = begin(member)
    member.buy(1)
    first = changes(member, cursor)
    numbers = provider.shell(
        "from hosting.provider.models import ChangedObject as C\n"
        f"rows = C.objects.filter(account__handle__handle={member.handle!r})\n"
        "print(len(set(rows.values_list('number', flat=True))) == rows.count(), "
        f"max(rows.values_list('number', flat=True)) == {first['cursor'].split('-')[1]})"
    )
    assert numbers == "True True"


def test_many_changes_come_in_pages(provider: Provider, member: Member) -> None:
    cursor = begin(member)
    provider.shell(
        "from hosting.provider import news; from hosting.provider.models import HostingAccount\n"
        f"account = HostingAccount.objects.get(handle__handle={member.handle!r})\n"
        "news.note(account.pk, [('operation', 9_000_000 + number) for number in range(501)])"
    )
    first = changes(member, cursor)
    assert (len(first["changes"]), first["more"]) == (500, True)
    rest = changes(member, first["cursor"])
    assert (len(rest["changes"]), rest["more"]) == (1, False)


@pytest.mark.parametrize("cursor", ["0", "x", "1-", "999999999-0", "1-99999999999", "\u0661-1"])
def test_unknown_cursor_is_refused(member: Member, cursor: str) -> None:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        changes(member, cursor)
    assert refused.value.faultCode == 580440


def test_cursor_of_another_handle_is_unknown(member: Member, provider: Provider, pool: Iterator[str]) -> None:
    other = Member(provider.url, next(pool))
    with pytest.raises(xmlrpc.client.Fault) as refused:
        changes(other, begin(member))
    assert refused.value.faultCode == 580440


def test_forgotten_changes_make_older_cursors_unknown(member: Member, provider: Provider) -> None:
    old = begin(member)
    member.buy(1)
    now = begin(member)
    provider.shell(
        "from datetime import timedelta; from hosting.provider import news\n"
        "from hosting.provider.models import ChangedObject\n"
        f"rows = ChangedObject.objects.filter(account__handle__handle={member.handle!r})\n"
        "from django.db.models import F\n"
        "rows.update(date=F('date') - news.KEPT_FOR - timedelta(hours=1))"
    )
    # The worker forgets them with its next look.
    deadline = time.monotonic() + 10
    while provider.shell(f"print({LEFT.format(handle=member.handle)})") != "0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with pytest.raises(xmlrpc.client.Fault) as refused:
        changes(member, old)
    assert refused.value.faultCode == 580440
    assert changes(member, now)["changes"] == []


@pytest.mark.parametrize("wait_s", [-1, 26])
def test_longer_wait_than_25_seconds_is_refused(member: Member, wait_s: int) -> None:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        changes(member, begin(member), wait_s)
    assert refused.value.faultCode == 580430


def test_held_call_is_answered_as_soon_as_something_changes(member: Member) -> None:
    answers: list[dict[str, Any]] = []
    cursor = begin(member)
    held = threading.Thread(target=lambda: answers.append(changes(member, cursor, 20)))
    held.start()
    time.sleep(0.3)
    assert not answers
    began = time.monotonic()
    member.hosting_account_product_add("shares", 1, "1m")
    held.join(timeout=10)
    assert time.monotonic() - began < 5
    assert {each["type"] for each in answers[0]["changes"]} >= {"operation"}


def test_held_call_ends_with_nothing_after_its_time(member: Member) -> None:
    cursor = begin(member)
    began = time.monotonic()
    assert changes(member, cursor, 1) == {"cursor": cursor, "more": False, "changes": []}
    assert time.monotonic() - began >= 1


def test_call_that_does_not_want_to_wait_is_answered_at_once(member: Member) -> None:
    began = time.monotonic()
    changes(member, begin(member), 0)
    assert time.monotonic() - began < 1


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A provider of one process, with thirty handles that may each make twelve calls in two seconds."""
    limits = {"PROVIDER_RATE_LIMIT": "12", "PROVIDER_ADDRESS_RATE_LIMIT": "0"}
    running = start_provider(tmp_path_factory.mktemp("crowded"), PROVIDER_WORKERS="1", **limits)
    running.shell(POOL)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def handles(crowded: Provider) -> Iterator[str]:
    return iter([f"T{number:02}-TEST" for number in range(120)])


def test_held_call_counts_once_for_the_rate_limit(crowded: Provider, handles: Iterator[str]) -> None:
    """Two calls, and eight that are held and looked at twice or more: twelve are allowed."""
    member = Member(crowded.url, next(handles))
    held = Held(member, begin(member), 8, wait_s=1)
    assert held.statuses_and_sizes() == [(200, 0)] * 8


def test_two_hundred_held_calls_leave_the_others_their_threads(crowded: Provider, handles: Iterator[str]) -> None:
    holders = [Member(crowded.url, next(handles)) for _ in range(25)]
    held = [Held(member, begin(member), 8, wait_s=25) for member in holders]
    callers = [Member(crowded.url, next(handles)) for _ in range(40)]
    # All at once, so that each needs a thread of its own.
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda member: member.vm_list(), callers))
    assert answers == [[]] * 40
    # Each is woken by its own account's change.
    for member in holders[:2]:
        member.hosting_account_product_add("shares", 1, "1m")
    for calls in held[:2]:
        assert all(status == 200 and size for status, size in calls.statuses_and_sizes())
    for calls in held[2:]:
        calls.hang_up()


def test_ninth_held_call_of_an_account_is_answered_at_once(crowded: Provider, handles: Iterator[str]) -> None:
    member = Member(crowded.url, next(handles))
    cursor = begin(member)
    held = Held(member, cursor, 8, wait_s=25)
    time.sleep(0.5)
    began = time.monotonic()
    assert changes(member, cursor, 25)["changes"] == []
    assert time.monotonic() - began < 5
    # Somebody who hangs up gives the place back.
    held.hang_up()
    time.sleep(2)
    began = time.monotonic()
    assert changes(member, cursor, 2)["changes"] == []
    assert time.monotonic() - began >= 2


def test_held_calls_are_answered_when_the_server_ends(crowded: Provider, handles: Iterator[str]) -> None:
    member = Member(crowded.url, next(handles))
    held = Held(member, begin(member), 2, wait_s=25)
    time.sleep(0.5)
    began = time.monotonic()
    crowded.web.kill(signal.SIGTERM)
    assert time.monotonic() - began < 10
    assert held.statuses_and_sizes() == [(200, 0)] * 2
    crowded.start_web()
