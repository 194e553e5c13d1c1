"""The hash chain of a team's audit log: each entry's digest covers the entry and the previous digest.

The key is not in the database, so write access to the database alone is not enough to forge an entry.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings

# The digest before the first entry of a chain.
BEGINNING = ""
# Part of the signing key: changing it would invalidate all chains.
_LABEL = b"sharedeck: chain of the audit trail"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The columns that a digest covers. A new column goes to `ADDED`, so that older digests stay valid.
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
# Covered only when they are not empty.
ADDED: tuple[str, ...] = ()


def key() -> bytes:
    """The signing key, derived from `AUDIT_KEY`, which defaults to `SECRET_KEY`."""
    return hmac.digest(settings.AUDIT_KEY.encode(), _LABEL, sha256)


def digest(signing_key: bytes, previous: str, entry: Mapping[str, Any]) -> str:
    """The digest of an entry, given as its columns, that follows the digest `previous`: 64 hex digits."""
    told = {name: entry[name] for name in COLUMNS} | {name: entry[name] for name in ADDED if entry[name]}
    told["at"] = (entry["at"] - _EPOCH) // timedelta(microseconds=1)
    text = json.dumps(plain(told), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.digest(signing_key, f"{previous}\n{text}".encode(), sha256).hex()


def plain(value: Any) -> Any:
    """A JSON value as every database returns it: a float without a fraction becomes an integer."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
