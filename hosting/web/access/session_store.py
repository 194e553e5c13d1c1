"""Sessions: rows in the database, cached in Redis. Without Redis the rows are used."""

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
