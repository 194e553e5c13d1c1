"""Passwords and session ids are in no message, repr, log or traceback, whatever the server does with them."""

import html
import json
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from hosting.api import ApiError, Client, Fault, Transport, login, su
from tests.api.replies import PASSWORD, SESSION
from tests.api.server import Server, answer, fault, http, reply, send, serving
from tests.processes import free_port

# Of a script, of which a server may quote a part.
LINE = "token='p4ss & <w\u00f6rd> of a \"script\"'"

Script = Callable[[socket.socket, bytes], bool]


def forms_of(secrets: tuple[str, ...]) -> list[str]:
    """Every way a server may write a secret back, the shortest first."""
    ways: list[Callable[[str], str]] = [
        str,
        lambda secret: repr(secret)[1:-1],
        lambda secret: json.dumps(secret)[1:-1],
        html.escape,
        lambda secret: html.escape(secret, quote=False),
        quote,
        lambda secret: quote(secret, safe=""),
    ]
    return sorted({way(secret) for secret in secrets for way in ways}, key=len)


FORMS = forms_of((PASSWORD, SESSION))


def everything_about(error: BaseException | None) -> str:
    """All that a log, a page or a debugger could show of an exception and of those behind it."""
    if error is None:
        return ""
    shown = [
        repr(error),
        str(error),
        repr(error.args),
        repr(vars(error)),
        "".join(traceback.format_exception(error)),
        everything_about(error.__cause__),
        everything_about(error.__context__),
    ]
    return "\n".join(shown)


def create(transport: Transport) -> object:
    return Client(transport, SESSION).vm_create("vmtest1", PASSWORD, 111, 4, 1, login="gandi")


def create_with_script(transport: Transport) -> object:
    script = f"#!/bin/sh\n  {LINE}\n"
    return Client(transport, SESSION).vm_create("vmtest1", PASSWORD, 111, 4, 1, login="gandi", user_data=script)


def log_in(transport: Transport) -> object:
    return login(transport, "AA1234-GANDI", PASSWORD)


def change_handle(transport: Transport) -> object:
    return su(transport, SESSION, "BB1-GANDI")


def read(transport: Transport) -> object:
    return Client(transport, SESSION).vm_info(5)


def not_encodable(transport: Transport) -> object:
    return Client(transport, SESSION).vm_create("vmtest1", PASSWORD + "\x07", 111, 4, 1, login="gandi")


CALLS = [
    (create, (PASSWORD, SESSION)),
    (create_with_script, (PASSWORD, LINE, SESSION)),
    (log_in, (PASSWORD,)),
    (change_handle, (SESSION,)),
    (read, (SESSION,)),
    (not_encodable, (PASSWORD, SESSION)),
]
"""A call, and the secrets that it sends."""


def misbehaviour(secrets: tuple[str, ...]) -> dict[str, Script]:
    """What a server may do with secrets it was sent."""
    known, echo = secrets[0], " ".join(forms_of(secrets))
    raw, tag = echo.encode(), html.escape(known)
    bodies = {
        "fault": fault(500130, f"DataError: invalid value for password [password: {echo}]"),
        "server fault": fault(150000, f"ServerError: {echo}"),
        "session fault": fault(510240, f"DataError: no session {echo} [session: {echo}]"),
        "long fault": fault(580130, "DataError: " + "x" * 1980 + echo),
        "page": b"<html>" + raw + b"</html>",
        "entity": f"<methodResponse>&{known};</methodResponse>".encode(),
        "dtd": f"<!DOCTYPE x [<!ENTITY a '{html.escape(echo)}'>]><x/>".encode(),
        "encoding": b"<?xml version='1.0' encoding='p4ss'?><x/>",
        "tag": f"<methodResponse><{known}/></methodResponse>".encode(),
        "odd struct": reply({known: echo, "id": echo}),
        "odd array": reply([echo, {known: known}]),
        "bad int": reply(1).replace(b"<int>1", b"<int>" + tag.encode()),
        "bad type": reply(1).replace(b"int>", b"s3ss10n>"),
    }
    sent = {
        "cut": http(raw)[:-10],
        "no http": raw + b"\r\n",
        "bad status": f"HTTP/1.1 {known}\r\n\r\n".encode(),
        "bad chunk": f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{known}\r\n".encode(),
        "drop": b"",
    }
    return {
        **{name: answer(body) for name, body in bodies.items()},
        **{name: send(data) for name, data in sent.items()},
        "503": answer(raw, "503 Service Unavailable"),
        "429": answer(raw, "429 Slow", f"Retry-After: {known}"),
        "413": answer(raw, "413 Large"),
        "status": answer(b"x", f"200 {known}"),
        "bad header": answer(b"x", "200 OK", f"{known} no colon", f"Date: {known}"),
        "content encoding": answer(raw, "200 OK", f"Content-Encoding: {known}"),
    }


@pytest.mark.parametrize(("call", "secrets"), CALLS)
@pytest.mark.parametrize("name", misbehaviour((PASSWORD,)))
def test_no_failure_shows_a_secret(
    name: str,
    call: Callable[[Transport], object],
    secrets: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(script=misbehaviour(secrets)[name]) as server, pytest.raises(ApiError) as caught:
        call(Transport(server.url))
    shown = everything_about(caught.value)
    assert caught.value.message
    assert not isinstance(caught.value, Fault) or "…" in shown
    out = capfd.readouterr()
    for text in (shown, caplog.text, out.out, out.err):
        for form in (*FORMS, "s3ss10n", "p4ss"):
            assert form not in text


@pytest.mark.parametrize("call", [call for call, _ in CALLS])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_connection_shows_no_secret(
    scheme: str, call: Callable[[Transport], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ApiError) as caught:
        call(Transport(f"{scheme}://127.0.0.1:{free_port()}/"))
    for form in FORMS:
        assert form not in everything_about(caught.value) + caplog.text


def test_success_logs_no_secret(caplog: pytest.LogCaptureFixture, server: Server) -> None:
    caplog.set_level(logging.DEBUG)
    transport = Transport(server.url)
    client = Client(transport, SESSION)
    create(transport)
    for form in FORMS:
        assert form not in caplog.text + repr(client) + str(client) + repr(transport) + repr(vars(transport))


def test_client_has_no_instance_dictionary(server: Server) -> None:
    assert not hasattr(Client(Transport(server.url), SESSION), "__dict__")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server
