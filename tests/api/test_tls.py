"""Certificates are verified, and a handshake that fails was no call."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hosting.api import NotSent, Transport, Unanswered
from tests.api.server import Server, answer, reply, reset, send_in_parts, serving


def certificate(folder: Path, address: str) -> Path:
    """A self-signed certificate and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "provider")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{address}.pem"
    file.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def served_with(file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    file = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with serving(tls=served_with(file)) as server:
        yield server


def test_a_trusted_certificate_is_accepted_and_its_connection_kept(trusted: Server) -> None:
    transport = Transport(trusted.url)
    assert [transport.call("vm_list", ("s",)) for _ in range(3)] == [1, 1, 1]
    assert trusted.accepted == 1
    transport.close()


def test_the_deadline_holds_over_tls(trusted: Server) -> None:
    trusted.script = send_in_parts(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000, 0.05)
    began = time.monotonic()
    with pytest.raises(Unanswered):
        Transport(trusted.url, read_timeout_s=0.5).call("vm_list", ("s",))
    assert time.monotonic() - began < 1.2


def test_a_large_call_and_reply_cross_tls(trusted: Server) -> None:
    trusted.script = answer(reply("y" * 3_000_000))
    assert Transport(trusted.url).call("vm_list", ("x" * 2_000_000,)) == "y" * 3_000_000


def test_call_with_an_unknown_certificate_is_not_sent(tmp_path: Path) -> None:
    with serving(tls=served_with(certificate(tmp_path, "127.0.0.1"))) as server:
        with pytest.raises(NotSent) as caught:
            Transport(server.url).call("vm_create", ("s",))
        assert "TLS" in caught.value.message
        assert server.requests == []


def test_call_with_a_certificate_of_another_name_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with serving(tls=served_with(file)) as server:
        with pytest.raises(NotSent):
            Transport(server.url).call("vm_create", ("s",))
        assert server.requests == []


def plain_text(sock: socket.socket) -> bool:
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    return False


def silent(_sock: socket.socket) -> bool:
    time.sleep(1.5)
    return False


def resetting(sock: socket.socket) -> bool:
    sock.recv(10)
    reset(sock)
    return False


def hanging_up(sock: socket.socket) -> bool:
    sock.recv(10_000)
    return False


@pytest.mark.parametrize("behaviour", [plain_text, silent, resetting, hanging_up])
def test_call_with_a_failed_handshake_is_not_sent(behaviour: object) -> None:
    with serving(on_accept=behaviour) as server:
        began = time.monotonic()
        with pytest.raises(NotSent):
            Transport(f"https://127.0.0.1:{server.port}/", connect_timeout_s=0.4).call("vm_create", ("s",))
        assert time.monotonic() - began < 1.2
        assert server.accepted == 1
