"""A call goes out once, ends in time, and its failure says whether it can have happened."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hosting.api import (
    Client,
    Garbled,
    NotEncodable,
    NotSent,
    RateLimited,
    RequestTooLarge,
    Transport,
    Unanswered,
)
from tests.api import replies
from tests.api.server import Server, answer, http, reply, reset, send, send_in_parts, serving
from tests.processes import ROOT, free_port


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


def elapsed_s(call: Transport, expected: type[Exception]) -> float:
    began = time.monotonic()
    with pytest.raises(expected):
        call.call("vm_list", ("s",))
    return time.monotonic() - began


def test_call_on_a_refused_connection_is_not_sent() -> None:
    with pytest.raises(NotSent) as caught:
        Transport(f"http://127.0.0.1:{free_port()}/xmlrpc/").call("vm_list", ("s",))
    assert type(caught.value) is NotSent


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".example", "[::1]"])
def test_call_to_an_unreachable_name_is_not_sent(host: str) -> None:
    with pytest.raises(NotSent):
        Transport(f"http://{host}:{free_port()}/", connect_timeout_s=2).call("vm_list", ("s",))


def test_call_on_a_never_accepted_connection_is_not_sent() -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    fillers = []
    for _ in range(4):  # fill the queue of connections that nobody accepts
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        fillers.append(filler)
    transport = Transport(f"http://127.0.0.1:{listener.getsockname()[1]}/", connect_timeout_s=0.3)
    assert elapsed_s(transport, NotSent) < 2
    for sock in (*fillers, listener):
        sock.close()


def test_unencodable_parameter_opens_no_connection(server: Server) -> None:
    with pytest.raises(NotEncodable):
        Transport(server.url).call("vm_create", ("s", "bell\x07"))
    assert server.accepted == 0


@pytest.mark.parametrize("fresh", [False, True])
def test_call_closed_before_reading_is_unanswered_and_not_repeated(server: Server, fresh: bool) -> None:
    server.on_accept = lambda _sock: False
    with pytest.raises(Unanswered):
        Transport(server.url).call("vm_create", ("s",), fresh=fresh)
    time.sleep(0.1)
    assert server.accepted == 1


def test_call_reset_before_reading_is_unanswered_and_not_repeated(server: Server) -> None:
    def hang_up(sock: socket.socket) -> bool:
        sock.recv(1)
        reset(sock)
        return False

    server.on_accept = hang_up
    with pytest.raises(Unanswered):
        Transport(server.url).call("vm_create", ("s", "x" * 3_000_000))
    time.sleep(0.1)
    assert server.accepted == 1


WHOLE = http(reply([1, 2, 3]))
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        WHOLE[:5],
        WHOLE[:30],
        WHOLE[:-1],
        WHOLE[:-50],
        CHUNKED,
        CHUNKED + b"5\r\n<?xml\r\n",
        CHUNKED + b"zz\r\n",
        CHUNKED + b"-5\r\nabcdefgh",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_reply_is_unanswered_and_not_repeated(server: Server, sent: bytes) -> None:
    server.script = send(sent)
    with pytest.raises(Unanswered):
        Transport(server.url).call("vm_create", ("s",))
    time.sleep(0.02)
    assert (server.accepted, len(server.requests)) == (1, 1)


def test_deadline_ends_a_call_to_a_silent_server(server: Server) -> None:
    def silent(_sock: socket.socket, _request: bytes) -> bool:
        time.sleep(2)
        return False

    server.script = silent
    assert 0.2 < elapsed_s(Transport(server.url, read_timeout_s=0.3), Unanswered) < 1
    assert len(server.requests) == 1


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", CHUNKED + b"1388\r\n"])
def test_deadline_ends_a_call_to_a_dripping_server(server: Server, head: bytes) -> None:
    def script(sock: socket.socket, request: bytes) -> bool:
        sock.sendall(head)
        return send_in_parts(b"H" * 5000, 0.05)(sock, request)

    server.script = script
    assert 0.4 < elapsed_s(Transport(server.url, read_timeout_s=0.5), Unanswered) < 1.2


def test_deadline_ends_a_call_to_a_server_that_does_not_read(server: Server) -> None:
    def stall(_sock: socket.socket) -> bool:
        time.sleep(10)
        return False

    server.on_accept = stall
    began = time.monotonic()
    with pytest.raises(Unanswered):
        Transport(server.url, read_timeout_s=0.4).call("vm_create", ("s", "x" * 20_000_000))
    assert time.monotonic() - began < 5


def test_deadline_ends_endless_continue_replies(server: Server) -> None:
    server.script = send_in_parts(b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.005)
    assert elapsed_s(Transport(server.url, read_timeout_s=0.4), Unanswered) < 1


@pytest.mark.parametrize(
    "status", ["503 Service Unavailable", "500 Oops", "404 Not Found", "204 No Content", "201 Made"]
)
def test_unexpected_status_is_unanswered(server: Server, status: str) -> None:
    server.script = answer(b"" if status.startswith("204") else reply(1), status)
    with pytest.raises(Unanswered) as caught:
        Transport(server.url).call("vm_create", ("s",))
    assert not isinstance(caught.value, Garbled)
    assert status[:3] in caught.value.message
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_not_followed(server: Server, status: str) -> None:
    with serving() as other:
        server.script = answer(b"", status, f"Location: {other.url}")
        with pytest.raises(Unanswered):
            Transport(server.url).call("vm_create", ("s",))
        assert (len(server.requests), other.accepted) == (1, 0)


SERVER_NOW = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 1.0),
        ("", 1.0),
        ("soon", 1.0),
        ("nan", 1.0),
        ("inf", 1.0),
        ("-3", 1.0),
        ("2", 2.0),
        ("0.5", 0.5),
        ("0", 0.1),
        ("86400", 60.0),
        ("9" * 400, 1.0),
        (format_datetime(SERVER_NOW + timedelta(seconds=7), usegmt=True), 7.0),
        (format_datetime(SERVER_NOW - timedelta(seconds=7), usegmt=True), 0.1),
        ("Wed, 99 Mar 2026 12:00:00 GMT", 1.0),
    ],
)
def test_rate_limit_reports_the_waiting_time(server: Server, header: str | None, seconds: float) -> None:
    headers = [f"Date: {format_datetime(SERVER_NOW, usegmt=True)}"]
    if header is not None:
        headers.append(f"Retry-After: {header}")
    server.script = answer(b"slow down", "429 Too Many Requests", *headers)
    with pytest.raises(RateLimited) as caught:
        Transport(server.url).call("vm_list", ("s",))
    assert caught.value.retry_after_s == seconds


def test_oversized_request_is_not_executed(server: Server) -> None:
    server.script = answer(b"", "413 Payload Too Large")
    with pytest.raises(RequestTooLarge):
        Transport(server.url).call("vm_create", ("s",))


def test_early_answer_is_read_before_the_request_is_consumed(server: Server) -> None:
    def refuse(sock: socket.socket) -> bool:
        sock.sendall(http(b"", "413 Payload Too Large", "Connection: close"))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
        return False

    server.on_accept = refuse
    with pytest.raises(RequestTooLarge):
        Transport(server.url).call("vm_create", ("s", "x" * 3_000_000))


@pytest.mark.parametrize("announced", [True, False])
def test_huge_reply_is_not_read_completely(server: Server, announced: bool) -> None:
    sent = 0

    def flood(sock: socket.socket, _request: bytes) -> bool:
        nonlocal sent
        length = b"Content-Length: 99999999999\r\n" if announced else b""
        sock.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while True:
            sent += sock.send(b"x" * 100_000)

    server.script = flood
    with pytest.raises(Unanswered):
        Transport(server.url, max_response_bytes=1_000_000).call("vm_list", ("s",))
    time.sleep(0.2)
    assert sent < 30_000_000


def test_unrequested_encoding_is_garbled(server: Server) -> None:
    server.script = answer(reply(1), "200 OK", "Content-Encoding: gzip")
    with pytest.raises(Garbled):
        Transport(server.url).call("vm_list", ("s",))
    assert b"accept-encoding: identity" in server.heads[0].lower()


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + b"%x\r\n%b\r\n0\r\n\r\n" % (len(reply(7)), reply(7)),
        b"HTTP/1.1 200 OK\r\n\r\n" + reply(7),
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + reply(7),
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(reply(7)),
    ],
)
def test_other_framings_are_read(server: Server, sent: bytes) -> None:
    server.script = send(sent)
    transport = Transport(server.url)
    assert [transport.call("vm_list", ("s",), fresh=True) for _ in range(2)] == [7, 7]


def test_connections_are_kept_and_fresh_calls_open_new_ones(server: Server) -> None:
    transport = Transport(server.url)
    for _ in range(10):
        transport.call("vm_list", ("s",))
    assert server.accepted == 1
    transport.call("vm_create", ("s",), fresh=True)
    assert server.accepted == 2
    transport.close()
    transport.call("vm_list", ("s",))
    assert server.accepted == 3
    assert len(server.requests) == 12


def test_a_connection_that_failed_is_not_used_again(server: Server) -> None:
    transport = Transport(server.url, read_timeout_s=0.2)

    def late(sock: socket.socket, _request: bytes) -> bool:
        time.sleep(0.4)
        sock.sendall(http(reply("late")))
        return True

    server.script = late
    with pytest.raises(Unanswered):
        transport.call("vm_list", ("s",))
    server.script = answer(reply("right"))
    time.sleep(0.4)
    assert transport.call("vm_list", ("s",)) == "right"
    assert server.accepted == 2


def test_closed_kept_connection_is_replaced(server: Server) -> None:
    transport = Transport(server.url)
    transport.call("vm_list", ("s",))
    server.hang_up()
    time.sleep(0.05)
    assert transport.call("vm_list", ("s",)) == 1
    assert (server.accepted, len(server.requests)) == (2, 2)


def test_call_on_a_connection_closing_midway_is_not_repeated(server: Server) -> None:
    transport = Transport(server.url)
    transport.call("vm_list", ("s",))
    server.script = lambda _sock, _request: False
    with pytest.raises(Unanswered):
        transport.call("vm_list", ("s",))
    time.sleep(0.05)
    assert (server.accepted, len(server.requests)) == (1, 2)
    server.script = answer(reply(2))
    assert transport.call("vm_list", ("s",)) == 2


def test_call_is_never_sent_twice_when_the_server_closes_at_any_moment(server: Server) -> None:
    """Between calls, at once after the answer: the client's check can win or lose that race."""

    def close_after(sock: socket.socket, _request: bytes) -> bool:
        sock.sendall(http(reply(1)))
        return False

    server.script = close_after
    transport = Transport(server.url)
    answered = 0
    for number in range(300):
        try:
            transport.call("vm_list", ("s", number))
            answered += 1
        except Unanswered:
            pass
    seen = [params[1] for _, params in server.calls()]
    assert len(seen) == len(set(seen))
    assert answered <= len(seen)
    for number in range(50):
        transport.call("vm_create", ("s", 1000 + number), fresh=True)


def test_sixteen_threads_share_one_transport(server: Server) -> None:
    server.script = answer(reply(replies.VM))
    client = Client(Transport(server.url), replies.SESSION)
    gate = threading.Barrier(16)

    def work(_: int) -> int:
        gate.wait()
        return sum(client.vm_info(5).id for _ in range(40))

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(work, range(16))) == [200] * 16
    assert len(server.requests) == 640
    assert server.accepted <= 16


def test_no_more_idle_connections_than_the_pool_holds(server: Server) -> None:
    transport = Transport(server.url, pool_size=3)
    for _ in range(10):
        transport.call("vm_create", ("s",), fresh=True)
    until = time.monotonic() + 5
    while len(alive := [sock for sock in server.open if sock.fileno() != -1]) > 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(alive) == 3


def test_a_forked_worker_opens_its_own_connections(server: Server) -> None:
    transport = Transport(server.url)
    transport.call("vm_list", ("s",))
    child = os.fork()
    if child == 0:
        try:
            transport.call("vm_list", ("s",))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    transport.call("vm_list", ("s",))
    assert (server.accepted, len(server.requests)) == (2, 3)


def test_server_clock_is_read_from_replies(server: Server) -> None:
    transport = Transport(server.url)
    transport.call("vm_list", ("s",))
    assert transport.clock_offset is None
    for header in ("Date: yesterday", "Date: Wed, 99 Mar 2026 12:00:00 GMT", "Date:"):
        server.script = answer(reply(1), "200 OK", header)
        transport.call("vm_list", ("s",))
        assert transport.clock_offset is None
    ahead = datetime.now(UTC) + timedelta(hours=1)
    server.script = answer(reply(1), "200 OK", f"Date: {format_datetime(ahead, usegmt=True)}")
    transport.call("vm_list", ("s",))
    assert transport.clock_offset is not None
    assert abs(transport.clock_offset - timedelta(hours=1)) < timedelta(seconds=3)


def test_proxies_from_the_environment_are_ignored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert Transport(server.url).call("vm_list", ("s",)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://host/",
        "http://",
        "http:///x",
        "http://me:secret@host/",
        "https://host/?session=1",
        "http://host:port/",
        "http://ho st/",
        "http://host/\r\nX: y",
    ],
)
def test_an_endpoint_is_a_plain_url(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint") as caught:
        Transport(url)
    assert "secret" not in str(caught.value)


class Interrupted(Exception):  # noqa: N818
    """What a worker's time limit raises in the middle of a call."""


def test_an_interrupted_call_leaves_no_connection_behind(server: Server) -> None:
    def interrupt(_sock: socket.socket, _request: bytes) -> bool:
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.3)
        return False

    def stop(_number: int, _frame: object) -> None:
        raise Interrupted

    transport = Transport(server.url)
    transport.call("vm_list", ("s",))
    server.script = interrupt
    before = signal.signal(signal.SIGUSR1, stop)
    try:
        with pytest.raises(Interrupted):
            transport.call("vm_list", ("s",))
    finally:
        signal.signal(signal.SIGUSR1, before)
    server.script = answer(reply("right"))
    assert transport.call("vm_list", ("s",)) == "right"
    assert (server.accepted, len(server.requests)) == (2, 3)


def test_the_client_needs_no_django() -> None:
    program = "import sys, hosting.api; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT).returncode == 0
