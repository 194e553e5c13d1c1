"""What the secret of a token looks like: `sdk_p_` or `sdk_t_`, 43 letters and digits, and 6 that check them. Pure.

The fixed beginning lets secret scanners find one that was published by mistake; the checksum tells them, and the
panel before it asks the database, that it is no accident. It is no signature: it keeps nobody out.
"""

import re
import secrets
import string
from hashlib import sha256
from zlib import crc32

PERSONAL, OF_TEAM = "sdk_p_", "sdk_t_"

# What a scanner looks for.
PATTERN = re.compile(r"sdk_[pt]_[0-9A-Za-z]{49}")

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_BYTES = 32
_BODY, _CHECK = 43, 6
# Of the 43: what a list may show leaves more than 220 bits unknown.
_SHOWN = 6


def new(kind: str) -> str:
    """A secret of 256 bits from the system's source of chance."""
    start = kind + _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES)), _BODY)
    return start + _checksum(start)


def is_well_formed(secret: str) -> bool:
    """Whether it could be a token at all."""
    return bool(PATTERN.fullmatch(secret)) and secret[-_CHECK:] == _checksum(secret[:-_CHECK])


def digest(secret: str) -> str:
    """What is stored of it."""
    return sha256(secret.encode()).hexdigest()


def shown(secret: str) -> str:
    """How it begins."""
    return secret[: len(PERSONAL) + _SHOWN]


def _checksum(start: str) -> str:
    return _base62(crc32(start.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    letters = []
    for _place in range(length):
        number, digit = divmod(number, len(_DIGITS))
        letters.append(_DIGITS[digit])
    return "".join(reversed(letters))
