"""Sessions: rows in the database, cached in Redis. Without Redis the rows are used. Neither knows the keys."""

from collections.abc import Collection
from typing import Any

import redis
from django.conf import settings
from django.contrib.sessions.backends import cached_db, db
from django.core.cache import caches

from safekeeping.sessions import DigestedKeys, stored_name


class SessionStore(DigestedKeys, cached_db.SessionStore):
    @property
    def cache_key(self) -> str:
        return _cache_key(stored_name(self.session_key or ""))

    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except redis.RedisError:
            return db.SessionStore.load(self)

    def exists(self, session_key: str) -> bool:
        try:
            return super().exists(session_key)
        except redis.RedisError:
            return db.SessionStore.exists(self, stored_name(session_key))

    @classmethod
    def end(cls, names: Collection[str]) -> None:
        """End the sessions with these stored names."""
        cls.get_model_class().objects.filter(session_key__in=names).delete()
        caches[settings.SESSION_CACHE_ALIAS].delete_many(_cache_key(name) for name in names)


def _cache_key(name: str) -> str:
    return f"{cached_db.KEY_PREFIX}{name}"
