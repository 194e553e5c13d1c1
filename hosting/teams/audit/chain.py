"""The chain of a team's trail: each entry's digest covers the entry and the digest before it.

The key is not in the database: who can write there alone can make no entry that fits.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings

# What the first entry of a chain follows.
BEGINNING = ""
_LABEL = b"sharedeck: chain of the audit trail"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Everything that an entry tells. A column that comes later goes to `ADDED`, so that older digests still fit.
COLUMNS = (
    "team_id",
    "sequence",
    "at",
    "actor_id",
    "actor_name",
    "address",
    "session",
    "token_id",
    "action",
    "subject",
    "account_id",
    "thing",
    "operation_id",
    "before",
    "after",
    "outcome",
    "detail",
)
# Covered where they are not empty.
ADDED: tuple[str, ...] = ()


def key() -> bytes:
    """What signs: made from `AUDIT_KEY`, which is `SECRET_KEY` unless it was set."""
    return hmac.digest(settings.AUDIT_KEY.encode(), _LABEL, sha256)


def digest(signing_key: bytes, previous: str, entry: Mapping[str, Any]) -> str:
    """The digest of an entry, given by its columns, after the one with the digest `previous`: 64 hex digits."""
    told = {name: entry[name] for name in COLUMNS} | {name: entry[name] for name in ADDED if entry[name]}
    told["at"] = (entry["at"] - _EPOCH) // timedelta(microseconds=1)
    text = json.dumps(plain(told), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.digest(signing_key, f"{previous}\n{text}".encode(), sha256).hex()


def plain(value: Any) -> Any:
    """A value of JSON as every database gives it back: a number without a fraction is an integer."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
