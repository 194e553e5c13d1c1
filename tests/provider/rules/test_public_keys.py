"""Public keys are taken for their structure, whatever surrounds it."""

import base64
from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.provider.rules import public_keys
from tests.fuzzing import examples


def _line(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _packed(*fields: bytes) -> bytes:
    return b"".join(len(field).to_bytes(4) + field for field in fields)


def _written(kind: str, *fields: bytes) -> str:
    return f"{kind} {base64.b64encode(_packed(kind.encode(), *fields)).decode()}"


def _point(curve: ec.EllipticCurve) -> bytes:
    return ec.generate_private_key(curve).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


ED25519 = _line(ed25519.Ed25519PrivateKey.generate().public_key())
RSA = _line(rsa.generate_private_key(65537, 2048).public_key())
SHORT_RSA = _line(rsa.generate_private_key(65537, 1024).public_key())
TAKEN = {
    "ed25519": ED25519,
    "rsa": RSA,
    "p256": _line(ec.generate_private_key(ec.SECP256R1()).public_key()),
    "p384": _line(ec.generate_private_key(ec.SECP384R1()).public_key()),
    "p521": _line(ec.generate_private_key(ec.SECP521R1()).public_key()),
    "sk-ed25519": _written("sk-ssh-ed25519@openssh.com", bytes(range(32)), b"ssh:"),
    "sk-p256": _written("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", _point(ec.SECP256R1()), b"ssh:"),
}
KINDS = {line.split()[0] for line in TAKEN.values()}
_BLOB = base64.b64decode(ED25519.split()[1])
REFUSED = {
    "empty": "",
    "type alone": "ssh-ed25519",
    "no key": "ssh-ed25519 ",
    "options in front": f"no-pty {ED25519}",
    "command in front": f'command="sh" {ED25519}',
    "space in front": f" {ED25519}",
    "two spaces": ED25519.replace(" ", "  "),
    "two lines": f"{ED25519}\n{ED25519}",
    "end of line": f"{ED25519}\n",
    "tab": ED25519.replace(" ", "\t"),
    "escape in the comment": f"{ED25519} a\x1b[2J",
    "other separator of lines": f"{ED25519} a\u2028{RSA}",
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
    "certificate": ED25519.replace("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"),
    "dsa": _written("ssh-dss", b"\x01", b"\x01", b"\x01", b"\x01"),
    "unknown type": _written("ssh-ed448", bytes(57)),
    "another type inside": "ssh-rsa " + ED25519.split()[1],
    "no base64": "ssh-ed25519 !!!!",
    "cut off": ED25519[:-8],
    "more behind": f"ssh-ed25519 {base64.b64encode(_BLOB + b'x').decode()}",
    "too short": _written("ssh-ed25519", bytes(31)),
    "compressed point": _written("ecdsa-sha2-nistp256", b"nistp256", b"\x02" + bytes(32)),
    "another curve inside": _written("ecdsa-sha2-nistp256", b"nistp384", b"\x04" + bytes(96)),
    "device without application": _written("sk-ssh-ed25519@openssh.com", bytes(32)),
    "short rsa": SHORT_RSA,
    "negative modulus": _written("ssh-rsa", b"\x03", b"\xff" * 256),
    "superfluous zeros": _written("ssh-rsa", b"\x03", b"\x00\x00" + b"\x7f" * 256),
    "even exponent": _written("ssh-rsa", b"\x04", b"\x7f" * 257),
    "no exponent": _written("ssh-rsa", b"", b"\x7f" * 257),
}


@pytest.mark.parametrize("comment", ["", " ", " me@example.org", " two words", " Zo\u00eb's laptop"])
@pytest.mark.parametrize("name", TAKEN)
def test_keys_of_every_type_are_taken_with_any_comment(name: str, comment: str) -> None:
    public_keys.check(TAKEN[name] + comment)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_lines_are_not_repeated(name: str) -> None:
    with pytest.raises(public_keys.BadKeyError) as refused:
        public_keys.check(REFUSED[name])
    assert not [word for word in REFUSED[name].split() if len(word) > 20 and word in str(refused.value)]


def test_weak_key_is_told_from_a_malformed_one() -> None:
    with pytest.raises(public_keys.TooShortError, match="2048"):
        public_keys.check(SHORT_RSA)


def _taken(line: str) -> bool:
    try:
        public_keys.check(line)
    except public_keys.BadKeyError:
        return False
    return True


@settings(max_examples=examples(300))
@given(line=st.text() | st.builds(str.join, st.just(" "), st.tuples(st.sampled_from(sorted(KINDS)), st.text())))
def test_no_other_text_is_taken(line: str) -> None:
    assert not _taken(line)


@settings(max_examples=examples(300))
@given(name=st.sampled_from(sorted(TAKEN)), data=st.data())
def test_key_with_a_changed_length_is_refused(name: str, data: st.DataObject) -> None:
    kind, blob = _parts(TAKEN[name])
    places = [at + byte for at in _lengths(blob) for byte in range(4)]
    place, value = data.draw(st.sampled_from(places)), data.draw(st.integers(0, 255))
    changed = blob[:place] + bytes([value]) + blob[place + 1 :]
    assert _taken(_joined(kind, changed)) == (changed == blob)


@settings(max_examples=examples(300))
@given(
    name=st.sampled_from(sorted(TAKEN)), start=st.integers(0, 2000), cut=st.integers(0, 40), put=st.binary(max_size=40)
)
def test_what_is_taken_consists_of_the_fields_of_its_type(name: str, start: int, cut: int, put: bytes) -> None:
    kind, blob = _parts(TAKEN[name])
    start %= len(blob)
    changed = blob[:start] + put + blob[start + cut :]
    if _taken(_joined(kind, changed)):
        before, fields = _fields(blob), _fields(changed)
        assert _packed(*fields) == changed
        assert (fields[0], len(fields)) == (kind.encode(), len(before))


def _parts(line: str) -> tuple[str, bytes]:
    kind, encoded = line.split()
    return kind, base64.b64decode(encoded)


def _joined(kind: str, blob: bytes) -> str:
    return f"{kind} {base64.b64encode(blob).decode()}"


def _lengths(blob: bytes) -> Iterable[int]:
    """Where the lengths of the fields are."""
    at = 0
    while at < len(blob):
        yield at
        at += 4 + int.from_bytes(blob[at : at + 4])


def _fields(blob: bytes) -> list[bytes]:
    return [blob[at + 4 : at + 4 + int.from_bytes(blob[at : at + 4])] for at in _lengths(blob)]
