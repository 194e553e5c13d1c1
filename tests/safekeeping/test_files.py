"""Files that only their owner can read."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from panel.environment import new_secrets
from safekeeping.files import database_files, make_private
from tests.processes import ROOT


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def readable(directory: Path) -> list[str]:
    """What somebody else on the machine may read, write or enter."""
    return [str(path) for path in (directory, *directory.rglob("*")) if mode(path) & 0o077 and not path.is_symlink()]


def test_older_files_lose_the_permissions_of_others(tmp_path: Path) -> None:
    var = tmp_path / "var"
    (var / "mail").mkdir(parents=True)
    for path, old in ((var / "panel.sqlite3", 0o644), (var / "mail" / "1.log", 0o664), (var / "tool", 0o755)):
        path.touch()
        path.chmod(old)
    for directory in (var, var / "mail"):
        directory.chmod(0o755)
    make_private(var)
    assert readable(var) == []
    assert mode(var) == mode(var / "mail") == mode(var / "tool") == 0o700
    assert mode(var / "panel.sqlite3") == mode(var / "mail" / "1.log") == 0o600


def test_links_and_directories_that_everybody_shares_are_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o644)
    var, shared = tmp_path / "var", tmp_path / "shared"
    var.mkdir()
    (var / "link").symlink_to(outside)
    shared.mkdir()
    shared.chmod(0o1777)
    make_private(var, shared, tmp_path / "missing")
    assert mode(outside) == 0o644
    assert mode(shared) == 0o1777


def test_database_elsewhere_is_named_with_its_side_files() -> None:
    databases = {
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "/srv/panel.db"},
        "other": {"ENGINE": "django.db.backends.postgresql", "NAME": "panel"},
    }
    found = [str(path) for path in database_files(databases)]
    assert found[:3] == ["/srv/panel.db", "/srv/panel.db-wal", "/srv/panel.db-shm"]
    assert len(found) == 4


@pytest.mark.parametrize(
    ("project", "command"),
    [("panel.settings", "prepare"), ("hosting.provider.settings", "prepare_provider")],
)
def test_start_keeps_everything_private(tmp_path: Path, project: str, command: str) -> None:
    var, elsewhere = tmp_path / "var", tmp_path / "elsewhere.sqlite3"
    var.mkdir(mode=0o755)
    (var / "old").touch(mode=0o644)
    elsewhere.touch(mode=0o644)
    for path, old in ((var, 0o755), (var / "old", 0o644), (elsewhere, 0o644)):
        path.chmod(old)
    database = "DATABASE_URL" if project == "panel.settings" else "PROVIDER_DATABASE_URL"
    subprocess.run(
        [sys.executable, "manage.py", command, "--settings", project],
        cwd=ROOT,
        env={
            **os.environ,
            **new_secrets(),
            "VAR_DIR": str(var),
            "PROVIDER_VAR_DIR": str(var),
            database: f"sqlite:///{elsewhere}",
        },
        check=True,
        umask=0o022,
        timeout=100,
    )
    assert readable(var) == []
    assert mode(elsewhere) == 0o600
