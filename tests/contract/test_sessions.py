"""login, safe mode and su; the life of a session; the rate limit."""

import contextlib
import http.client
import statistics
import time
import xmlrpc.client
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider, start_provider


def login_answer(provider: Provider, *args: object) -> int:
    try:
        return login_fault(provider, *args)
    except xmlrpc.client.ProtocolError as refused:
        return refused.errcode


def answer(provider: Provider, method: str, *args: object, source: str = "127.0.0.1") -> int:
    """The status or the fault code of a call from that address."""
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=30, source_address=(source, 0))
    with contextlib.closing(connection):
        connection.request("POST", "/xmlrpc/", xmlrpc.client.dumps(args, method), {"Content-Type": "text/xml"})  # type: ignore[arg-type]
        response = connection.getresponse()
        body = response.read()
    if response.status == 200:
        try:
            xmlrpc.client.loads(body)
        except xmlrpc.client.Fault as fault:
            return fault.faultCode
    return response.status


def login_fault(provider: Provider, *args: object) -> int:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        xmlrpc.client.ServerProxy(provider.url).login(*args)  # type: ignore[arg-type]
    return refused.value.faultCode


def test_login_refuses_wrong_credentials_without_saying_which(provider: Provider) -> None:
    assert login_fault(provider, "AA1234-GANDI", "wrong") == 510150
    assert login_fault(provider, "NO-SUCH-HANDLE", "mypassword") == 510150
    assert login_fault(provider, "BM2201-GANDI", "") == 510150, "a handle without a password cannot log in"


def test_login_checks_types_and_number_of_arguments(provider: Provider) -> None:
    assert login_fault(provider, 5, "mypassword") == 510110
    assert login_fault(provider, "AA1234-GANDI", 5) == 500110
    assert login_fault(provider, "AA1234-GANDI", "mypassword", "yes") == 510110
    assert login_fault(provider, "AA1234-GANDI") == 520010


def test_safe_mode_is_the_default_and_reads_only(provider: Provider) -> None:
    proxy = xmlrpc.client.ServerProxy(provider.url)
    session = proxy.login("AA1234-GANDI", "mypassword")
    assert 456 in proxy.vm_list(session)  # type: ignore[operator]
    for method, args in {
        "vm_reboot": (456,),
        "vm_stop": (456,),
        "disk_delete": (1928,),
        "disk_create": ({"size": 2048, "name": "data", "fstype": "ext3"},),
        "disk_attach": (1928, 456),
        "hosting_account_product_add": ("shares", 1, "1m"),
        "operation_cancel": (1,),
    }.items():
        with pytest.raises(xmlrpc.client.Fault) as refused:
            getattr(proxy, method)(session, *args)
        assert refused.value.faultCode == 510250


def test_su_gives_the_rights_of_the_handle_and_no_others(reseller: Member) -> None:
    customer = reseller.su("BM2201-GANDI")
    proxy = reseller.proxy
    assert proxy.vm_list(customer) == [3001]
    assert proxy.account_balance(customer) == 120.0
    with pytest.raises(xmlrpc.client.Fault) as refused:
        proxy.vm_info(customer, 456)
    assert refused.value.faultCode == 580150
    with pytest.raises(xmlrpc.client.Fault) as refused:
        proxy.su(customer, "AA1234-GANDI")
    assert refused.value.faultCode == 510350


def test_su_to_oneself_leaves_safe_mode(provider: Provider, member: Member) -> None:
    safe = Member(provider.url, member.handle, safe=True)
    session = safe.su(member.handle)
    assert isinstance(safe.proxy.hosting_account_product_add(session, "shares", 1, "1m"), int)


def test_session_ids_are_stored_as_digests_only(provider: Provider, member: Member) -> None:
    stored = provider.shell("from hosting.provider.models import *; print(list(ApiSession.objects.values()))")
    assert member.handle not in stored
    assert member.session not in stored


def test_nothing_secret_is_logged(provider: Provider, member: Member) -> None:
    member.buy(1)
    member.new_vm()
    logs = "".join((provider.directory / name).read_text() for name in ("web.log", "worker.log"))
    assert member.session not in logs
    assert member.password not in logs
    assert "secret-pass-1" not in logs
    stored = provider.shell("from hosting.provider.models import *; print(list(Operation.objects.values()))")
    assert "secret-pass-1" not in stored


def test_ending_a_session_ends_sessions_derived_from_it(provider: Provider, member: Member) -> None:
    narrowed = member.su(member.handle)
    provider.shell(
        "from django.db.models import F; from django.utils import timezone; from hosting.provider.models import *\n"
        f"ApiSession.objects.filter(login__handle={member.handle!r}, safe=False, login=F('handle'))"
        ".update(date_end=timezone.now())"
    )
    time.sleep(1.1)  # the server may remember a session for a second
    assert member.code("vm_list") == 510240
    assert member.code("su", member.handle) == 510240
    with pytest.raises(xmlrpc.client.Fault) as gone:
        member.proxy.vm_list(narrowed)
    assert gone.value.faultCode == 510240


def test_a_narrowed_session_lives_no_longer_than_its_origin(provider: Provider, member: Member) -> None:
    member.su(member.handle)
    ends = provider.shell(
        "from hosting.provider.models import *\n"
        f"print(ApiSession.objects.filter(login__handle={member.handle!r}).values('date_end').distinct().count())"
    )
    assert ends == "1"


def test_the_rate_limit_answers_429_and_executes_nothing(tmp_path: Path) -> None:
    # Two, because each guess takes a quarter of a second, and all have to arrive within a window.
    limited = start_provider(tmp_path, PROVIDER_RATE_LIMIT="2")
    try:
        member = Member(limited.url, "AA1234-GANDI", "mypassword")
        customer = member.su("BM2201-GANDI")
        time.sleep(2.1)  # a fresh window
        for session in (member.session, customer):
            member.proxy.account_balance(session)
        with pytest.raises(xmlrpc.client.ProtocolError) as refused:
            member.vm_reboot(456)
        assert refused.value.errcode == 429
        assert refused.value.headers["Retry-After"] in {"1", "2"}
        other = Member(limited.url, "ZZ9001-GANDI", "somebody3lse")
        assert other.vm_list() == [], "every login has its own count"
        time.sleep(int(refused.value.headers["Retry-After"]))
        assert member.operation_list({"type": "vm_reboot", "param": {"vm_id": 456}}) == []
        with ThreadPoolExecutor(8) as guessers:
            guesses = list(guessers.map(lambda n: login_answer(limited, "ZZ9001-GANDI", f"guess{n}"), range(8)))
        assert set(guesses) == {510150, 429}, "logins count as well"
        assert other.vm_list() == other.vm_list() == [], "but not as calls of the login that they name"
    finally:
        limited.stop()


def test_calls_without_a_session_count_for_their_address(tmp_path: Path) -> None:
    limited = start_provider(tmp_path, PROVIDER_RATE_LIMIT="4")
    try:
        member = Member(limited.url, "AA1234-GANDI", "mypassword")
        time.sleep(2.1)  # a fresh window
        strangers = [answer(limited, "system.listMethods"), answer(limited, "vm_list", "no session")]
        strangers += [answer(limited, "no_such_method"), answer(limited, "account_balance")]
        assert 429 not in strangers
        assert answer(limited, "system.listMethods") == answer(limited, "vm_list", "x") == 429
        assert answer(limited, "system.listMethods", source="127.0.0.2") == 200
        assert member.account_balance()
    finally:
        limited.stop()


def test_wrong_passwords_are_limited_by_address_and_handle(tmp_path: Path) -> None:
    limited = start_provider(tmp_path, PROVIDER_RATE_LIMIT="1000")
    try:
        for number in range(10):
            assert answer(limited, "login", "AA1234-GANDI", f"guess{number}") == 510150
        # The right password too: nobody learns that it was.
        assert answer(limited, "login", "AA1234-GANDI", "mypassword") == 429
        assert answer(limited, "login", "ZZ9001-GANDI", "somebody3lse") == 200
        assert answer(limited, "login", "AA1234-GANDI", "mypassword", source="127.0.0.2") == 200
    finally:
        limited.stop()


def test_parallel_logins_do_not_make_other_calls_wait(tmp_path: Path) -> None:
    busy = start_provider(tmp_path, PROVIDER_WORKERS="1")
    try:
        member = Member(busy.url, "AA1234-GANDI", "mypassword")
        took = []
        with ThreadPoolExecutor(16) as guessers:
            guesses = [guessers.submit(answer, busy, "login", "ZZ9001-GANDI", "wrong") for _ in range(16)]
            while not all(guess.done() for guess in guesses):
                began = time.monotonic()
                member.account_balance()
                took.append(time.monotonic() - began)
        assert 510150 in {guess.result() for guess in guesses}
        # A password is hashed for longer than that.
        assert statistics.median(took) < 0.1
        with ThreadPoolExecutor(48) as guessers:
            answers = list(guessers.map(lambda _: answer(busy, "login", "ZZ9001-GANDI", "wrong"), range(48)))
        assert set(answers) == {510150, 429}, "the line is only so long"
    finally:
        busy.stop()


def test_a_date_header_and_a_kept_connection(provider: Provider) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", provider.port, timeout=10)
    body = xmlrpc.client.dumps(("x",), "vm_list")
    sockets = set()
    for _ in range(3):
        connection.request("POST", "/xmlrpc/", body, {"Content-Type": "text/xml"})
        answer = connection.getresponse()
        assert answer.headers["Date"].endswith("GMT")
        assert answer.headers["Content-Type"] == "text/xml"
        assert int(answer.headers["Content-Length"]) == len(answer.read())
        sockets.add(connection.sock)
    assert len(sockets) == 1
