"""A connection to a server that refuses commands is lost; errors of one command leave it alone."""

import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from redis_connections import outage
from redis_connections.connection import Pool
from tests.processes import Process, free_port, start_valkey

PASSWORD = os.environ["VALKEY_PASSWORD"]
SCRIPT = "return redis.call('SET', KEYS[1], 'x')"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    running = start_valkey(free_port(), PASSWORD, tmp_path_factory.mktemp("valkey") / "log")
    yield running
    running.kill()


@pytest.fixture
def url(valkey: Process) -> str:
    return f"redis://:{PASSWORD}@127.0.0.1:{valkey.env['VALKEY_PORT']}/0"


@pytest.fixture
def server(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url) as client:
        yield client
        client.replicaof("NO", "ONE")
        client.config_set("maxmemory", 0)


@pytest.fixture
def client(url: str) -> Iterator[redis.Redis]:
    outage.end()
    with redis.Redis(connection_pool=Pool.from_url(url)) as client:
        client.ping()
        yield client


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == outage.__name__]


def in_a_transaction(client: redis.Redis) -> None:
    with client.pipeline() as pipe:
        pipe.set("key", "x")
        pipe.execute()


WRITES: dict[str, Callable[[redis.Redis], object]] = {
    "a command": lambda client: client.set("key", "x"),
    "a script": lambda client: client.eval(SCRIPT, 1, "key"),
    "a transaction": in_a_transaction,
}


@pytest.mark.parametrize("how", WRITES)
@pytest.mark.parametrize("why", ["READONLY", "OOM"])
def test_refusal_is_a_lost_connection(server: redis.Redis, client: redis.Redis, why: str, how: str) -> None:
    if why == "OOM":
        server.config_set("maxmemory", 1)
    else:
        server.replicaof("127.0.0.1", free_port())
    with pytest.raises(redis.ConnectionError, match=why):
        WRITES[how](client)
    # Reads would be answered, but who only reads from such a server sees what was true once.
    with pytest.raises(redis.ConnectionError, match=why):
        client.get("key")


def test_outage_is_told_once_and_its_end_too(
    server: redis.Redis, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    server.replicaof("127.0.0.1", free_port())
    for _ in range(20):
        with pytest.raises(redis.ConnectionError):
            client.set("key", "x")
    assert outage.since()
    (line,) = told(caplog)
    assert "Redis is unavailable" in line
    assert "READONLY" in line
    assert PASSWORD not in line
    server.replicaof("NO", "ONE")
    for _ in range(20):
        client.set("key", "x")
    assert outage.since() is None
    _, line = told(caplog)
    assert "Redis is back" in line


def test_connections_that_an_outage_broke_are_no_outage_of_their_own(
    server: redis.Redis, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    outage.end()
    pool = Pool.from_url(url)
    held: list[Any] = [pool.get_connection() for _ in range(3)]
    server.client_kill_filter(_type="normal", skipme=True)
    for connection in held:
        with pytest.raises(redis.ConnectionError):
            ping(connection)
        connection.connect()
    assert [line[:20] for line in told(caplog)] == ["Redis is unavailable", "Redis is back after "]
    pool.disconnect()


def ping(connection: Any) -> None:
    connection.send_command("PING")
    connection.read_response()


def test_error_of_one_command_stays_its_own(client: redis.Redis) -> None:
    client.set("key", "x")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.lpush("key", "y")
    assert outage.since() is None


def test_every_kind_of_connection_is_guarded() -> None:
    plain = Pool.from_url("redis://127.0.0.1/0").connection_class
    tls = Pool.from_url("rediss://127.0.0.1/0").connection_class
    socket = Pool.from_url("unix:///run/redis").connection_class
    assert issubclass(plain, redis.Connection)
    assert issubclass(tls, redis.SSLConnection)
    assert issubclass(socket, redis.UnixDomainSocketConnection)
    assert {each.__mro__[1].__name__ for each in (plain, tls, socket)} == {"_Guarded"}


@pytest.mark.parametrize(
    ("error", "is_told"),
    [
        (redis.ConnectionError("closed"), False),
        (redis.TimeoutError("slow"), False),
        (redis.ResponseError("WRONGTYPE"), True),
        (redis.MaxConnectionsError("Too many connections"), True),
        (ValueError("a bug"), True),
    ],
)
def test_lines_of_others_about_lost_connections_are_left_out(error: Exception, is_told: bool) -> None:
    wrapped = RuntimeError("could not publish")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        as_argument = logging.LogRecord("celery", logging.ERROR, "", 1, "%s", (each,), None)
        as_traceback = logging.LogRecord("celery", logging.ERROR, "", 1, "it failed", (), (type(each), each, None))
        assert outage.ToldOnce().filter(as_argument) is is_told
        assert outage.ToldOnce().filter(as_traceback) is is_told
