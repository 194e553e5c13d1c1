"""Secrets from files that the environment names."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from panel.environment import new_secrets
from safekeeping.environment import read_environment
from tests.processes import ROOT

SETTINGS = [ROOT / "panel" / "settings.py", ROOT / "hosting" / "provider" / "settings.py"]
VALUES = {
    "SEAL_KEYS": "one,two",
    "DATABASE_URL": "postgres://panel:s3cret@db/panel",
    "PROVIDER_DATABASE_URL": "postgres://provider:s3cret@db/provider",
    "REDIS_URL": "redis://:s3cret@redis/0",
    "PROVIDER_REDIS_URL": "redis://:s3cret@redis/1",
    "EMAIL_URL": "smtp+tls://panel:s3cret@mail.example.net:587",
}


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a test sets, also through the code under test, is gone after it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def secrets_of(settings: Path) -> list[str]:
    found: list[str] = runpy.run_path(str(settings))["SECRETS"]
    return found


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_secret_can_come_from_a_file(settings: Path, tmp_path: Path) -> None:
    names = secrets_of(settings)
    plain = {name: VALUES.get(name, f"a value of {name}") for name in names}
    os.environ.update(plain)
    expected = runpy.run_path(str(settings))
    for name, value in plain.items():
        file = tmp_path / name
        file.write_text(f"{value}\n")
        del os.environ[name]
        os.environ[f"{name}_FILE"] = str(file)
    found = runpy.run_path(str(settings))
    assert str(found["DATABASES"]["default"]["PASSWORD"]) == "s3cret"
    different = [name for name in expected if name.isupper() and str(expected[name]) != str(found[name])]
    assert different == []
    # A process that is started by this one finds the same.
    assert {name: os.environ[name] for name in names} == plain


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_every_setting_that_looks_like_a_secret_is_one(settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    secrets = secrets_of(settings)
    for word in ("KEY", "KEYS", "PASSWORD", "URL"):
        for name in (part.split('"')[0] for part in text.split('"')[1::2]):
            if name.isupper() and name.split("_")[-1] == word and f'("{name}"' in text:
                assert name in secrets or name in {"PANEL_URL", "BUNDLED_PROVIDER_URL", "PROVIDER_CONSOLE_URL"}, name


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_secrets_from_files_are_documented(settings: Path) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in secrets_of(settings):
        assert f"`{name}_FILE`" in page


def test_a_secret_given_twice_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret-in-file")
    run = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={**os.environ, **new_secrets(), "SECRET_KEY": "s3cret", "SECRET_KEY_FILE": str(tmp_path / "key")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "SECRET_KEY and SECRET_KEY_FILE are both set" in run.stderr
    assert "s3cret" not in run.stderr


def test_file_wins_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("SECRET_KEY=older\nSEAL_KEYS=kept\n")
    (tmp_path / "key").write_text("newer")
    for name in ("SECRET_KEY", "SEAL_KEYS"):
        os.environ.pop(name, None)
    os.environ["SECRET_KEY_FILE"] = str(tmp_path / "key")
    read_environment(tmp_path / "env", secrets=["SECRET_KEY", "SEAL_KEYS"])
    assert (os.environ["SECRET_KEY"], os.environ["SEAL_KEYS"]) == ("newer", "kept")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "not text"),
    ],
)
def test_file_without_a_secret_is_a_clear_error(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    os.environ.pop("SECRET_KEY", None)
    os.environ["SECRET_KEY_FILE"] = str(file)
    with pytest.raises(ImproperlyConfigured, match=words) as told:
        read_environment(tmp_path / "env", secrets=["SECRET_KEY"])
    assert "SECRET_KEY_FILE names" in str(told.value)
