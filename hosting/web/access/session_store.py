"""Sessions of people: rows with a copy in Redis. Without Redis the row counts, and the page comes all the same."""

from typing import Any

import redis
from django.contrib.sessions.backends import cached_db, db


class SessionStore(cached_db.SessionStore):
    def load(self) -> dict[str, Any]:
        try:
            return super().load()
        except redis.RedisError:
            return db.SessionStore.load(self)

    def exists(self, session_key: str) -> bool:
        try:
            return super().exists(session_key)
        except redis.RedisError:
            return db.SessionStore.exists(self, session_key)
