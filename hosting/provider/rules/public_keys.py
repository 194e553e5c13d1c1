"""SSH public keys, one a line as `ssh-keygen` writes them: `type base64 comment`.

Source: RFC 4253, section 6.6 (`ssh-rsa`), RFC 5656, section 3.1 (ECDSA), RFC 8709, section 4 (Ed25519), and OpenSSH's
PROTOCOL.u2f (`sk-…`, keys of security devices).
"""

import base64
import binascii
from collections.abc import Callable

from hosting.provider.rules import values

# How long an uncompressed point of each curve is.
_POINT_BYTES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}


class BadKeyError(ValueError):
    """The line is no public key that servers take. Its text says why, and repeats nothing of the line."""


class TooShortError(BadKeyError):
    """A well-formed key that is too weak."""


def check(line: str) -> None:
    """Check the structure of one line.

    Raises:
        BadKeyError: why it is refused.
    """
    if values.UNPRINTABLE.search(line):
        raise BadKeyError("one line without control characters expected")
    kind, _, rest = line.partition(" ")
    if kind not in _BODIES:
        raise BadKeyError("a type of key that is taken is expected first, without options")
    fields = _Fields(_decoded(rest.partition(" ")[0]))
    if fields.text() != kind.encode():
        raise BadKeyError("the key is of another type than it says")
    _BODIES[kind](fields)
    fields.end()


def _decoded(text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadKeyError("base64 expected") from None
    if base64.b64encode(blob).decode() != text:
        raise BadKeyError("base64 expected")
    return blob


class _Fields:
    """The fields of a key: each is preceded by its length in four bytes."""

    def __init__(self, blob: bytes) -> None:
        self._left = blob

    def text(self) -> bytes:
        length, rest = int.from_bytes(self._left[:4]), self._left[4:]
        if len(self._left) < 4 or length > len(rest):
            raise BadKeyError("the key is cut off")
        self._left = rest[length:]
        return rest[:length]

    def number(self) -> int:
        """A positive number without superfluous zeros."""
        field = self.text()
        number = int.from_bytes(field)
        if not number or len(field) != number.bit_length() // 8 + 1:
            raise BadKeyError("the key holds an invalid number")
        return number

    def end(self) -> None:
        if self._left:
            raise BadKeyError("something follows the key")


def _ed25519(fields: _Fields) -> None:
    if len(fields.text()) != 32:
        raise BadKeyError("the key has the wrong length")


def _ecdsa(curve: str) -> Callable[[_Fields], None]:
    def check_point(fields: _Fields) -> None:
        if fields.text() != curve.encode():
            raise BadKeyError("the key is on another curve than it says")
        point = fields.text()
        if len(point) != _POINT_BYTES[curve] or point[0] != 4:
            raise BadKeyError("the key has the wrong length")

    return check_point


def _rsa(fields: _Fields) -> None:
    exponent, modulus = fields.number(), fields.number()
    if exponent < 3 or not exponent & 1:
        raise BadKeyError("the key holds an invalid number")
    if modulus.bit_length() < values.RSA_MIN_BITS:
        raise TooShortError(f"an RSA key needs at least {values.RSA_MIN_BITS} bits")


def _of_device(body: Callable[[_Fields], None]) -> Callable[[_Fields], None]:
    """A key of a security device: the application that it is for comes last."""

    def check_both(fields: _Fields) -> None:
        body(fields)
        fields.text()

    return check_both


_BODIES: dict[str, Callable[[_Fields], None]] = {
    "ssh-ed25519": _ed25519,
    "ssh-rsa": _rsa,
    **{f"ecdsa-sha2-{curve}": _ecdsa(curve) for curve in _POINT_BYTES},
    "sk-ssh-ed25519@openssh.com": _of_device(_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": _of_device(_ecdsa("nistp256")),
}
