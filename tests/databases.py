"""Databases of tests: made once for all test processes, and emptied without more work than there are rows.

They are files of SQLite, or databases of the server at `TEST_POSTGRESQL` (`tests.postgresql`).
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.core.management.color import no_style
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase
from psycopg.sql import SQL, Identifier

_ROOT = Path(__file__).resolve().parent.parent
# Named by the first process of the run; the processes that it starts inherit it.
_TEMPLATES = Path(os.environ.setdefault("TEST_DATABASES", tempfile.mkdtemp(prefix="sharedeck-databases-")))
# The address of a database of the server in which others can be made; None: there is no server.
SERVER = "TEST_POSTGRESQL"

_PANEL = ["migrate", "--verbosity", "0"]
_PROVIDER = ["prepare_provider", "--settings", "hosting.provider.settings"]


def on_postgresql() -> bool:
    """Whether this run has a server of PostgreSQL."""
    return SERVER in os.environ


def panel(directory: Path) -> str:
    """The address of a migrated, empty database of the panel for the processes that keep their data in `directory`."""
    if on_postgresql():
        return _copy_on_server("panel", _PANEL, "DATABASE_URL", {})
    copy_panel(directory / "panel.sqlite3")
    return f"sqlite:///{directory / 'panel.sqlite3'}"


def provider(directory: Path, env: Mapping[str, str]) -> str:
    """The address of a database of the provider with the demonstration in it. `env` holds the provider's settings."""
    if on_postgresql():
        return _copy_on_server("provider", _PROVIDER, "PROVIDER_DATABASE_URL", env)
    _copy_file("provider", _PROVIDER, "PROVIDER_DATABASE_URL", directory / "provider.sqlite3", env)
    return f"sqlite:///{directory / 'provider.sqlite3'}"


def address_of(connection: BaseDatabaseWrapper) -> str:
    """The address of the database of a connection, for other processes."""
    name = connection.settings_dict["NAME"]
    return _on_server(name) if on_postgresql() else f"sqlite:///{name}"


def empty(name: str) -> str:
    """The address of a new database of the server, without a table in it. Its name begins with `name`."""
    return _create(f"{name}_{uuid.uuid4().hex[:8]}")


def copy_panel(file: Path) -> None:
    """Write a migrated, empty database of the panel to `file`."""
    _copy_file("panel", _PANEL, "DATABASE_URL", file, {})


def prepare() -> None:
    """Make the panel's template on the server now, instead of while the first test waits for it."""
    _template_on_server("panel", _PANEL, "DATABASE_URL", {"LOG_LEVEL": "ERROR"})


def _copy_file(name: str, command: Sequence[str], variable: str, file: Path, env: Mapping[str, str]) -> None:
    """Copy a database that the management command made for the first caller of the run."""
    template = _TEMPLATES / f"{name}.sqlite3"
    with (_TEMPLATES / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            unfinished = template.with_suffix(".unfinished")
            _manage(command, {**env, variable: f"sqlite:///{unfinished}"})
            unfinished.rename(template)
    shutil.copy(template, file)


def _copy_on_server(name: str, command: Sequence[str], variable: str, env: Mapping[str, str]) -> str:
    return _create(f"{name}_{uuid.uuid4().hex[:8]}", _template_on_server(name, command, variable, env))


def _template_on_server(name: str, command: Sequence[str], variable: str, env: Mapping[str, str]) -> str:
    template, made = f"{name}_template", _TEMPLATES / f"{name}.made"
    with (_TEMPLATES / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _manage(command, {**env, variable: _create(template)})
            made.touch()
    return template


def _create(name: str, template: str = "template1") -> str:
    """Create a database of the server and return its address."""
    with psycopg.connect(os.environ[SERVER], autocommit=True) as server:
        server.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
    return _on_server(name)


def _on_server(name: str) -> str:
    return urlsplit(os.environ[SERVER])._replace(path=f"/{name}").geturl()


def _manage(command: Sequence[str], env: Mapping[str, str]) -> None:
    subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=_ROOT,
        env={**os.environ, **env},
        check=True,
        stdout=subprocess.DEVNULL,
    )


def clean_quickly() -> None:
    """Have tests that commit empty the tables that have rows.

    Django's flush deletes from all of them and then sends `post_migrate`, which writes every permission anew.
    """
    TransactionTestCase._fixture_teardown = _empty_tables  # type: ignore[attr-defined]


def _empty_tables(test: TransactionTestCase) -> None:
    for alias in test._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
        connection = connections[alias]
        kept = {"django_migrations", "django_content_type", "auth_permission"}
        tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in kept]
        quoted = [connection.ops.quote_name(name) for name in tables]
        with connection.cursor() as cursor:
            cursor.execute("SELECT " + ", ".join(f"EXISTS(SELECT 1 FROM {name})" for name in quoted))
            full = [name for name, has_rows in zip(tables, cursor.fetchone(), strict=True) if has_rows]
        if not full:
            continue
        # SQLite checks references when the transaction ends, and would look for those to each table anew.
        cascade = connection.vendor != "sqlite"
        statements = connection.ops.sql_flush(no_style(), full, reset_sequences=False, allow_cascade=cascade)
        connection.ops.execute_sql_flush(statements)
