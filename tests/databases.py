"""Databases of tests: made once for all test processes, and emptied without more work than there are rows."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase

_ROOT = Path(__file__).resolve().parent.parent
# Named by the first process of the run; the processes that it starts inherit it.
_TEMPLATES = Path(os.environ.setdefault("TEST_DATABASES", tempfile.mkdtemp(prefix="sharedeck-databases-")))


def copy_panel(file: Path) -> None:
    """Write a migrated, empty database of the panel to `file`."""
    _copy("panel", ["migrate", "--verbosity", "0"], "DATABASE_URL", file, {})


def copy_provider(file: Path, env: Mapping[str, str]) -> None:
    """Write a database of the provider with the demonstration in it to `file`. `env` holds the provider's settings."""
    command = ["prepare_provider", "--settings", "hosting.provider.settings"]
    _copy("provider", command, "PROVIDER_DATABASE_URL", file, env)


def _copy(name: str, command: Sequence[str], variable: str, file: Path, env: Mapping[str, str]) -> None:
    """Copy a database that the management command made for the first caller of the run."""
    template = _TEMPLATES / f"{name}.sqlite3"
    with (_TEMPLATES / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            unfinished = template.with_suffix(".unfinished")
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=_ROOT,
                env={**os.environ, **env, variable: f"sqlite:///{unfinished}"},
                check=True,
                stdout=subprocess.DEVNULL,
            )
            unfinished.rename(template)
    shutil.copy(template, file)


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
