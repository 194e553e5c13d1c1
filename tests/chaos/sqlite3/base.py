"""SQLite whose server goes away for a while: connections break as those to a PostgreSQL that is closed and comes back.

While the file `<database>-away` is there, no connection is opened and none does anything. Connections from before stay
broken afterwards, and what they had not committed is lost.
"""

import sqlite3
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base


def away(database: Path) -> Path:
    """The file that says that the database is away."""
    return database.with_name(f"{database.name}-away")


def restarted(database: Path) -> Path:
    """The file whose time says when the database came back last."""
    return database.with_name(f"{database.name}-restarted")


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection to it."""

    _server = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # As for PostgreSQL (`panel/settings.py`).
        self.settings_dict["CONN_HEALTH_CHECKS"] = True

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self._server = self._running_server()
        return super().get_new_connection(conn_params)

    def create_cursor(self, name: str | None = None) -> Any:
        self._require_server()
        return super().create_cursor(name)

    def commit(self) -> None:
        with self.wrap_database_errors:
            self._require_server()
        super().commit()

    def is_usable(self) -> bool:
        try:
            return self._server == self._running_server()
        except sqlite3.OperationalError:
            return False

    def _require_server(self) -> None:
        if self._server != self._running_server():
            raise sqlite3.OperationalError("the server has closed the connection")

    def _running_server(self) -> int:
        """Which of the servers that have run here is running now."""
        database = Path(self.settings_dict["NAME"])
        if away(database).exists():
            raise sqlite3.OperationalError("no server is running")
        try:
            return restarted(database).stat().st_mtime_ns
        except FileNotFoundError:
            return 0
