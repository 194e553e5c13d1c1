"""How the panel and the provider connect to their databases.

To PostgreSQL, by a pool for each process. Connections that Django keeps belong to a thread each: a web server with 256
threads would come to hold 256, though it answers one request at a time, and Celery closes them after every job.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import close_old_connections, connection

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# A host that says nothing any more counts as gone after ten seconds: by default, Linux waits a quarter of an hour for
# what was sent, and for two hours asks nothing of a connection on which it waits for an answer.
_SILENT_HOST = {
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
# Seconds: for a connection of the pool, until one that nobody used is closed, and for attempts to make one, of which
# the next begins when somebody asks again.
_WAIT_S, _IDLE_S, _RECONNECT_S = 5.0, 120.0, 3.0


def connecting(database: dict[str, Any], connections: int) -> dict[str, Any]:
    """Complete a database of Django's `DATABASES`. What the options of its address say stays.

    `connections` is how many a process has at most to PostgreSQL. Threads share them: each has one only while it works
    on a request or a job.
    """
    asked = database.get("OPTIONS", {})
    if database["ENGINE"].endswith("postgresql"):
        if connections < 1:
            raise ImproperlyConfigured("DATABASE_CONNECTIONS must be at least 1.")
        pool = {
            "min_size": 0,
            "max_size": connections,
            "timeout": _WAIT_S,
            "max_idle": _IDLE_S,
            "reconnect_timeout": _RECONNECT_S,
        }
        options = {**_SILENT_HOST, **asked, "pool": pool}
        return {**database, "OPTIONS": options, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}
    if database["ENGINE"].endswith("sqlite3"):
        # Writers queue instead of failing, readers go on while one writes; `synchronous` stays FULL, because a row that
        # says "this purchase was sent" must survive a power cut. `timeout` is how many seconds a writer queues.
        defaults = {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL;", "timeout": 20}
        options = {**defaults, **asked}
        options["timeout"] = float(options["timeout"])
        # Opening a connection for every page would cost more than most of its queries.
        return {**database, "OPTIONS": options, "CONN_MAX_AGE": 600}
    return database


def problem(name: str) -> str | None:
    """Why the database in the variable `name` can't be used, in words; None if it can. Names no secret.

    It is asked without the pool, which would only say that there was no connection.
    """
    if connection.vendor == "postgresql":
        # Only here: it would cost each process on SQLite a tenth of a second.
        import psycopg  # noqa: PLC0415

        try:
            psycopg.connect(**connection.get_connection_params()).close()
        except psycopg.Error as error:
            return f"{name}: the database can't be used: {error}"
    return None


def given_back(application: Application) -> Application:
    """The same WSGI application, which gives its connection back before its answer is sent: slow clients keep none.

    A streamed answer is still being made then, and keeps its connection until it ends.
    """

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        response = application(environ, start_response)
        if not getattr(response, "streaming", False):
            close_old_connections()
        return response

    return serve
