"""`sharedeck.once`: a change is carried out at most once for its key, and its first answer is given again."""

import contextlib
import threading
import xmlrpc.client
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import PASSWORD, Member
from tests.processes import Provider

BUY = ("hosting_account_product_add", ["shares", 2, "1m"])


def purchases(member: Member) -> int:
    return len(member.operation_list({"type": "hosting_account_product_add"}))


def once(member: Member, key: str, method: str, params: list[Any]) -> dict[str, Any]:
    proxy: Any = member.proxy
    answer: dict[str, Any] = proxy.sharedeck.once(member.session, key, method, params)
    return answer


def fault(member: Member, key: str, method: str, params: list[Any]) -> int:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        once(member, key, method, params)
    return refused.value.faultCode


def test_same_key_gives_the_first_answer_and_buys_once(member: Member) -> None:
    first = once(member, "a-key_1", *BUY)
    assert first["replayed"] is False
    assert member.done(first["result"])["type"] == "hosting_account_product_add"
    assert once(member, "a-key_1", *BUY) == {"result": first["result"], "replayed": True}
    assert purchases(member) == 1


def test_same_key_gives_the_first_fault_whatever_happened_since(member: Member) -> None:
    create = ("vm_create", ["web1", PASSWORD, 111, 2, 1, {"login": "admin"}])
    assert fault(member, "early", *create) == 530160
    member.buy(2)
    assert fault(member, "early", *create) == 530160
    assert once(member, "later", *create)["replayed"] is False


def test_key_with_another_call_is_refused(member: Member) -> None:
    once(member, "taken", *BUY)
    assert fault(member, "taken", BUY[0], ["shares", 3, "1m"]) == 520030
    assert fault(member, "taken", "vm_stop", [1]) == 520030
    assert purchases(member) == 1


def test_two_handles_may_use_the_same_key(member: Member, provider: Provider, pool: Iterator[str]) -> None:
    other = Member(provider.url, next(pool))
    assert not once(member, "mine", *BUY)["replayed"]
    assert not once(other, "mine", *BUY)["replayed"]


def test_calls_at_the_same_time_with_one_key_buy_once(member: Member, provider: Provider) -> None:
    answers: list[object] = []

    def ask() -> None:
        proxy: Any = xmlrpc.client.ServerProxy(provider.url)
        try:
            answers.append(proxy.sharedeck.once(member.session, "race", *BUY)["result"])
        except xmlrpc.client.Fault as refused:
            answers.append(refused.faultCode)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers) - {520060}) == 1
    assert purchases(member) == 1


@pytest.mark.parametrize("action", ["drop_after", "503_after", "garbage", "truncate"])
def test_answer_that_was_lost_is_given_again(member: Member, provider: Provider, action: str) -> None:
    # Python's client asks again by itself when the connection was closed.
    with provider.faults(f"hosting_account_product_add:{action}@1"), contextlib.suppress(Exception):
        once(member, action, *BUY)
    assert once(member, action, *BUY)["replayed"] is True
    assert purchases(member) == 1


@pytest.mark.parametrize("action", ["drop_before", "503", "refuse"])
def test_call_that_did_not_arrive_is_carried_out_when_it_comes_again(
    member: Member, provider: Provider, action: str
) -> None:
    with provider.faults(f"hosting_account_product_add:{action}@1"), contextlib.suppress(Exception):
        once(member, action, *BUY)
    once(member, action, *BUY)
    assert purchases(member) == 1


@pytest.mark.parametrize("key", ["", "a b", "ä", "k" * 65])
def test_key_of_another_form_is_refused(member: Member, key: str) -> None:
    assert fault(member, key, *BUY) == 520020


@pytest.mark.parametrize("method", ["vm_list", "login", "su", "operation_list", "sharedeck.once", "nothing"])
def test_only_what_changes_something_takes_a_key(member: Member, method: str) -> None:
    assert fault(member, "reads", method, []) == 520040


def test_session_in_safe_mode_changes_nothing(member: Member, provider: Provider) -> None:
    careful = Member(provider.url, member.handle, safe=True)
    assert fault(careful, "safe", *BUY) == 510250
    assert purchases(member) == 0


def test_kept_answers_hold_no_password_and_end_after_thirty_days(member: Member, provider: Provider) -> None:
    member.buy(2)
    once(member, "secret", "vm_create", ["web1", "r00t-of-the-box", 111, 2, 1, {"login": "admin"}])
    rows = f"KeptAnswer.objects.filter(handle__handle={member.handle!r})"
    look = f"from hosting.provider.models import KeptAnswer; print(list({rows}.values()))"
    assert "r00t-of-the-box" not in provider.shell(look)
    provider.shell(
        "from datetime import timedelta\nfrom django.db.models import F\n"
        "from hosting.provider.models import KeptAnswer\n"
        f"{rows}.update(date_created=F('date_created') - timedelta(days=31))"
    )
    once(member, "another", *BUY)
    kept = provider.shell(
        f"from hosting.provider.models import KeptAnswer; print(list({rows}.values_list('key', flat=True)))"
    )
    assert kept == "['another']"
