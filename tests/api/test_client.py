"""Every method sends what the contract says, and returns what its signature says."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import hosting.api
from hosting.api import (
    CHANGING,
    EXTENSIONS,
    METHODS,
    Client,
    CredentialsRefused,
    Garbled,
    OperationFilter,
    Transport,
    login,
    su,
)
from tests.api import replies
from tests.api.conform import conforms
from tests.api.server import Server, answer, fault, reply, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.mark.parametrize(
    ("method", "call", "params", "value", "returns"), replies.METHODS, ids=[row[0] for row in replies.METHODS]
)
def test_a_method_sends_its_parameters_and_returns_its_type(
    server: Server,
    method: str,
    call: Callable[[Client], object],
    params: tuple[object, ...],
    value: object,
    returns: Any,
) -> None:
    server.script = answer(reply(value))
    transport = Transport(server.url)
    client = Client(transport, replies.SESSION)
    for _ in range(2):
        assert conforms(call(client), returns)
    assert server.calls() == [(method, params)] * 2
    assert server.accepted == (2 if method in CHANGING else 1)
    transport.close()


def test_client_has_every_method_of_the_contract() -> None:
    assert set(METHODS) == {"login", "su", *(row[0] for row in replies.METHODS)}
    assert len(METHODS) == len(set(METHODS)) == 29
    assert {*METHODS, *EXTENSIONS} > CHANGING
    assert set(hosting.api.__all__) >= {"Client", "Transport", "ApiError"}


@pytest.mark.parametrize(
    ("method", "call", "params"),
    [
        ("sharedeck.vm_rename", lambda client: client.vm_rename(5, "web-2"), (5, "web-2")),
        ("sharedeck.vm_reinstall", lambda client: client.vm_reinstall(5, 111, "s3cretpass"), (5, 111, "s3cretpass")),
        ("sharedeck.ip_reverse", lambda client: client.ip_reverse(10, ""), (10, "")),
    ],
)
def test_change_that_is_an_extension_is_sent_once_on_a_connection_of_its_own(
    server: Server, method: str, call: Callable[[Client], int], params: tuple[object, ...]
) -> None:
    server.script = answer(reply(7))
    client = Client(Transport(server.url), replies.SESSION)
    assert [call(client), call(client)] == [7, 7]
    assert server.calls() == [(method, (replies.SESSION, *params))] * 2
    assert server.accepted == 2


def test_login_is_in_safe_mode_and_su_narrows_it(server: Server) -> None:
    server.script = answer(reply(replies.SESSION))
    transport = Transport(server.url)
    assert login(transport, "AA1234-GANDI", replies.PASSWORD) == replies.SESSION
    assert login(transport, "AA1234-GANDI", replies.PASSWORD, safe=False) == replies.SESSION
    assert su(transport, replies.SESSION, "BB1-GANDI") == replies.SESSION
    assert server.calls() == [
        ("login", ("AA1234-GANDI", replies.PASSWORD, True)),
        ("login", ("AA1234-GANDI", replies.PASSWORD, False)),
        ("su", (replies.SESSION, "BB1-GANDI")),
    ]


def test_refused_login_raises_its_own_type(server: Server) -> None:
    server.script = answer(fault(510150, "DataError: invalid credentials [login: AA1234-GANDI]"))
    with pytest.raises(CredentialsRefused):
        login(Transport(server.url), "AA1234-GANDI", replies.PASSWORD)


@pytest.mark.parametrize("value", ["", 12, True, None, []])
def test_session_is_a_string(server: Server, value: object) -> None:
    server.script = answer(reply(value))
    with pytest.raises(Garbled):
        login(Transport(server.url), "AA1234-GANDI", replies.PASSWORD)


def test_update_sends_only_changed_fields(server: Server) -> None:
    client = Client(Transport(server.url), replies.SESSION)
    client.vm_update(5, shares=5)
    assert server.calls()[0] == ("vm_update", (replies.SESSION, 5, {"shares": 5}))
    server.script = answer(reply([]))
    assert client.operation_list() == []
    assert client.operation_list(OperationFilter()) == []
    assert server.calls()[1:] == [
        ("operation_list", (replies.SESSION,)),
        ("operation_list", (replies.SESSION, {})),
    ]


def test_a_filter_rounds_outwards_to_whole_seconds() -> None:
    moment = replies.NOON + timedelta(milliseconds=300)
    wire = OperationFilter(created_before=moment, updated_before=replies.NOON).to_wire()
    assert wire == {
        "created_before": replies.NOON + timedelta(seconds=1),
        "updated_before": replies.NOON,
    }


def test_amounts_are_exact(server: Server) -> None:
    server.script = answer(reply(0.1))
    assert Client(Transport(server.url), replies.SESSION).account_balance() == Decimal("0.1")


def test_conforms_is_strict() -> None:
    assert not conforms(True, int)
    assert not conforms([True], list[int])
