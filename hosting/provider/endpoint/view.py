"""The HTTP side of the API: one URL, POST, XML-RPC in and out."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from hosting.provider import faults, methods, sessions, wire
from hosting.provider.endpoint import holding, logins, rate_limit, scripted_faults
from hosting.provider.endpoint.address import address_of
from hosting.provider.faults import Fault, Object, ServerFault, bad_syntax
from hosting.provider.methods.changes import CHANGES
from hosting.provider.methods.registry import execute
from hosting.provider.rules import values

__all__ = ["methods", "xmlrpc"]
log = logging.getLogger(__name__)
_NOTHING_SCRIPTED = scripted_faults.Outcome()
# Threads of one process compete for the interpreter: calls are executed one at a time, and only read, wait and are
# sent beside each other. A call that waits for the database longer than this lets the others go on.
_turn = threading.Semaphore(1)
_PATIENCE_S = 0.3


@csrf_exempt
@require_POST
def xmlrpc(request: HttpRequest) -> HttpResponseBase:
    """Answer one call. Every refusal of the API is a fault over HTTP 200; 413, 429 and 503 are HTTP's own."""
    body = _body(request)
    if body is None:
        response = HttpResponse("The body is larger than 1 MiB.\n", status=413, content_type="text/plain")
        response["Connection"] = "close"
        return response
    try:
        name, args = wire.decode(body)
    except wire.MalformedError as problem:
        return _xml(wire.encode_fault(bad_syntax(Object.METHOD, "request", problem, "malformed XML-RPC")))
    what = _carried_out(name, args)
    script = scripted_faults.from_settings().for_call(what)
    if script != _NOTHING_SCRIPTED:
        timed = "late" if script.late_s else "delay" if script.delay_s else "delay_after"
        log.info("scripted fault: %s:%s", what, script.action or timed)
    if (instead := _instead(request, name, args, script)) is not None:
        return instead
    _wait(script.delay_s + settings.PROVIDER_LATENCY_MS / 1000)
    address = address_of(request)
    answer = _in_turn(name, args, address, "scripted failure" if script.action == "fail" else "")
    if isinstance(answer, _NothingNew):
        answer = _held(request, name, args, answer)
    _wait(script.delay_after_s)
    match script.action:
        case "drop_after":
            return _drop(request)
        case "garbage":
            return HttpResponse(b"\x00\xff<<< this is no XML & never was", content_type="text/xml")
        case "truncate" if isinstance(answer, HttpResponse):
            return _truncate(request, answer.content)
        case "503_after":
            return _unavailable()
    return answer


def _instead(
    request: HttpRequest, name: str, args: list[Any], script: scripted_faults.Outcome
) -> HttpResponseBase | None:
    """The answer of a script to a call that is not executed, or only later."""
    match script.action:
        case "drop_before":
            return _drop(request)
        case "503":
            return _unavailable()
        case "refuse":
            return _xml(wire.encode_fault(ServerFault(faults.INTERNAL_ERROR, "refused")))
    if script.late_s:
        threading.Timer(script.late_s, _answer_nobody, (name, args, address_of(request))).start()
        return _unavailable()
    return None


def _carried_out(name: str, args: list[Any]) -> str:
    """The method that a call carries out: `sharedeck.once` names another one."""
    return args[2] if name == "sharedeck.once" and len(args) > 2 and isinstance(args[2], str) else name


def _body(request: HttpRequest) -> bytes | None:
    """The whole body, or None when it is larger than the limit; then it is not read to its end."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if length.isdigit() and int(length) > values.BODY_MAX_BYTES:
        return None
    stream = request.META["wsgi.input"]
    limit = int(length) if length.isdigit() else values.BODY_MAX_BYTES + 1
    body: bytes = stream.read(limit)
    return None if len(body) > values.BODY_MAX_BYTES else body


@sensitive_variables("args")
def _in_turn(
    name: str, args: list[Any], address: str, scripted_failure: str = "", *, counted: bool = True
) -> HttpResponse:
    """Execute the call when no other one of this process is being executed, or the others take long.

    Logins have a line of their own (`logins`).
    """
    if name == "login":
        return _answer(name, args, address, scripted_failure)
    has_turn = _turn.acquire(timeout=_PATIENCE_S)
    try:
        return _answer(name, args, address, scripted_failure, counted=counted)
    finally:
        if has_turn:
            _turn.release()


class _NothingNew(HttpResponse):
    """The answer to `sharedeck.changes` as long as nothing has changed: the call waits for up to `wait_s` seconds."""

    def __init__(self, content: bytes, account_id: int, wait_s: int) -> None:
        super().__init__(content, content_type="text/xml", headers={"Content-Length": str(len(content))})
        self.account_id = account_id
        self.wait_s = wait_s


@sensitive_variables("args")
def _held(request: HttpRequest, name: str, args: list[Any], nothing: _NothingNew) -> HttpResponse:
    """Hold the call until something has changed; it counts once for the rate limit."""

    def ask() -> HttpResponse | None:
        try:
            answer = _in_turn(name, args, "", counted=False)
        finally:
            # While the call waits, its thread keeps no connection.
            connection.close()
        return None if isinstance(answer, _NothingNew) else answer

    return holding.hold(nothing.account_id, nothing.wait_s, ask, is_over=lambda: _has_hung_up(request)) or nothing


def _has_hung_up(request: HttpRequest) -> bool:
    connected = request.META.get("gunicorn.socket")
    if not isinstance(connected, socket.socket):
        return False
    try:
        return connected.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


@sensitive_variables("args")
def _answer(name: str, args: list[Any], address: str, scripted_failure: str, *, counted: bool = True) -> HttpResponse:
    """Execute the call and write its answer or its fault. `counted`: it counts for the rate limit."""
    try:
        first = args[0] if args and isinstance(args[0], str) and name != "login" else ""
        session = sessions.find(first) if first else None
        if counted and session:
            rate_limit.count_login(session.login.handle)
        elif counted:
            rate_limit.count_address(address)
        result = logins.log_in(args, address) if name == "login" else execute(name, args, session, scripted_failure)
        body = wire.encode(result)
        if session and name == CHANGES and args[1] and int(args[2]) and not result["changes"]:
            return _NothingNew(body, session.handle.hosting_account.pk, int(args[2]))
        return _xml(body)
    except Fault as fault:
        return _xml(wire.encode_fault(fault))
    except rate_limit.TooManyError as refusal:
        headers = {"Retry-After": str(refusal.retry_after_s)}
        return HttpResponse("Too many calls.\n", status=429, headers=headers, content_type="text/plain")
    except (OperationalError, InterfaceError) as error:
        # Only the kind of the error: its text may repeat what the caller sent.
        log.error("%s: the database failed: %s", name, type(error).__name__)  # noqa: TRY400
        code = faults.QUERY_FAILED if _database_answers() else faults.CONNECTION_LOST
        return _xml(wire.encode_fault(ServerFault(code, "database unavailable", "database")))
    except DatabaseError as error:
        log.error("%s: a query failed: %s", name, type(error).__name__)  # noqa: TRY400
        return _xml(wire.encode_fault(ServerFault(faults.QUERY_FAILED, "query failed", "database")))
    except Exception:
        log.exception("%s failed", name)
        return _xml(wire.encode_fault(ServerFault(faults.INTERNAL_ERROR, "internal error")))


@sensitive_variables("args")
def _answer_nobody(name: str, args: list[Any], address: str) -> None:
    """Execute a call whose client was told something else already."""
    try:
        _answer(name, args, address, "")
    finally:
        connection.close()


def _database_answers() -> bool:
    with contextlib.suppress(DatabaseError, InterfaceError):
        connection.close_if_unusable_or_obsolete()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return True
    return False


def _xml(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="text/xml", headers={"Content-Length": str(len(body))})


def _wait(seconds: float) -> None:
    if seconds:  # even a sleep of nothing costs a turn of the scheduler
        time.sleep(seconds)


def _unavailable() -> HttpResponse:
    return HttpResponse("Out of service.\n", status=503, content_type="text/plain")


def _close(request: HttpRequest) -> None:
    """Close the connection behind the server's back; gunicorn passes its socket in the request."""
    connected = request.META.get("gunicorn.socket")
    if isinstance(connected, socket.socket):
        with contextlib.suppress(OSError):
            connected.shutdown(socket.SHUT_RDWR)


def _drop(request: HttpRequest) -> HttpResponse:
    """Close without an answer. Servers that don't pass their socket send an empty one, which is not XML."""
    _close(request)
    return HttpResponse(b"", status=502, headers={"Connection": "close"})


def _truncate(request: HttpRequest, body: bytes) -> StreamingHttpResponse:
    """Half of the answer under the length of all of it, then the end of the connection."""

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        _close(request)

    headers = {"Content-Length": str(len(body)), "Connection": "close"}
    return StreamingHttpResponse(half(), content_type="text/xml", headers=headers)
