"""The format of token secrets: `sdk_p_` or `sdk_t_`, 43 letters and digits, and a checksum of 6. Pure.

The fixed prefix lets secret scanners find published tokens. With the checksum, scanners and the panel recognise a real
token without asking the database. It is not a signature and gives no protection.
"""

import re
import secrets
import string
from hashlib import sha256
from zlib import crc32

PERSONAL, OF_TEAM = "sdk_p_", "sdk_t_"

# The pattern for secret scanners.
PATTERN = re.compile(r"sdk_[pt]_[0-9A-Za-z]{49}")

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_BYTES = 32
_BODY, _CHECK = 43, 6
# How many of the 43 characters lists show; more than 220 bits stay secret.
_SHOWN = 6


def new(kind: str) -> str:
    """A new secret of 256 bits from the system's random source."""
    start = kind + _base62(int.from_bytes(secrets.token_bytes(_RANDOM_BYTES)), _BODY)
    return start + _checksum(start)


def is_well_formed(secret: str) -> bool:
    """Whether the text has the format and the checksum of a token."""
    return bool(PATTERN.fullmatch(secret)) and secret[-_CHECK:] == _checksum(secret[:-_CHECK])


def digest(secret: str) -> str:
    """The digest to store of a secret."""
    return sha256(secret.encode()).hexdigest()


def shown(secret: str) -> str:
    """The beginning of a secret, which lists may show."""
    return secret[: len(PERSONAL) + _SHOWN]


def _checksum(start: str) -> str:
    return _base62(crc32(start.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    letters = []
    for _place in range(length):
        number, digit = divmod(number, len(_DIGITS))
        letters.append(_DIGITS[digit])
    return "".join(reversed(letters))
