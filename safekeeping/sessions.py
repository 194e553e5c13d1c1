"""Django sessions whose keys are in cookies only: the database and the cache know digests of them.

This module is a `SESSION_ENGINE` with rows in the database. `DigestedKeys` goes before another one of Django's stores.
"""

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends import db
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.sessions.base_session import AbstractBaseSession

# As much of the digest as Django's column holds: 160 bits.
_LENGTH = 40


def stored_name(session_key: str) -> str:
    """What a session is called outside its cookie. Nobody gets the key from it, as keys are random and long."""
    return sha256(session_key.encode()).hexdigest()[:_LENGTH]


def digest_keys(model: Any, field: str = "session_key") -> list[str]:
    """Replace the keys in `field` of rows that older versions wrote. Returns these keys."""
    keys = list(model.objects.values_list(field, flat=True))
    for key in keys:
        model.objects.filter(**{field: key}).update(**{field: stored_name(key)})
    return keys


class DigestedKeys(db.SessionStore):
    def _get_session_from_db(self) -> "AbstractBaseSession | None":
        named = self.model.objects.filter(session_key=stored_name(self.session_key or ""))
        row: AbstractBaseSession | None = named.filter(expire_date__gt=timezone.now()).first()
        if row is None:
            self._session_key = None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> "AbstractBaseSession":
        row = super().create_model_instance(data)
        row.session_key = stored_name(row.session_key)
        return row

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_name(session_key))

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(stored_name(key))


class SessionStore(DigestedKeys):
    pass
