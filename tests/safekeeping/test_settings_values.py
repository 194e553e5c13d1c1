"""A setting that can't be used is named in one sentence, without its value."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from safekeeping.settings_values import Env
from tests.processes import ROOT

PANEL, PROVIDER = ROOT / "panel", ROOT / "hosting" / "provider"
WRONG = {"float": "12abc", "db": "mysql://s3cret@db/x", "email": "s3cret", "addresses": "s3cret"}
NUMBERS = ["abc", "12abc", "-1", "1.5", "nan"]


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """What a test sets is gone after it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def typed(room: Path) -> list[tuple[Path, str, str]]:
    """The settings of a form of their own: the file, the form and the variable."""
    call = re.compile(r'\benv\.(\w+)\(\s*["\'](\w+)["\']')
    files = [*room.glob("*settings.py"), room / "serving.py"]
    found = [(file, kind, name) for file in files for kind, name in call.findall(file.read_text())]
    return [(file, kind, name) for file, kind, name in found if kind not in {"list", "str"}]


ALL = [*typed(PANEL), *typed(PROVIDER)]


def test_settings_are_found() -> None:
    found = {name for _file, _kind, name in ALL}
    assert {"API_RATE_LIMIT", "HTTPS", "LEASE_S", "DATABASE_URL", "PROVIDER_SPEED", "WEB_WORKERS", "PANEL_URL"} <= found
    for file in (PANEL / "settings.py", PROVIDER / "settings.py"):
        assert "environ.Env(" not in file.read_text()


@pytest.mark.parametrize(("file", "kind", "name"), ALL, ids=[f"{file.parent.name}-{name}" for file, _, name in ALL])
def test_value_of_another_form_is_named_without_the_value(file: Path, kind: str, name: str) -> None:
    # Without these two, their ports are not read.
    os.environ.pop("REDIS_URL", None)
    os.environ.pop("PROVIDER_REDIS_URL", None)
    os.environ["VALKEY_PASSWORD"] = "a-password"
    os.environ[name] = WRONG.get(kind, "s3cret")
    if file.name == "serving.py":
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(file))
        said = str(ended.value)
    else:
        with pytest.raises(ImproperlyConfigured) as refused:
            runpy.run_path(str(file))
        said = str(refused.value)
    assert re.search(rf"\b{name} must be .+[^.]\.$", said), said
    assert os.environ[name] not in said
    assert said.count("\n") == 0


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_are_whole_and_not_negative(value: str) -> None:
    os.environ["A_NUMBER"] = value
    with pytest.raises(ImproperlyConfigured, match="A_NUMBER must be a whole number from 0 on"):
        Env().int("A_NUMBER")


@pytest.mark.parametrize("value", ["postgres://u:s3cret@h:port/x", "postgres", "postgres://h:99999/x", "http://h/x"])
def test_address_of_a_database_has_a_known_form(value: str) -> None:
    os.environ["A_DATABASE"] = value
    with pytest.raises(ImproperlyConfigured, match="A_DATABASE must be an address") as refused:
        Env().db("A_DATABASE")
    assert "s3cret" not in str(refused.value)


def test_backend_of_ones_own_is_named_by_its_module() -> None:
    os.environ["A_DATABASE"] = "tests.chaos.sqlite3:////srv/x.sqlite3?timeout=2"
    found = Env().db("A_DATABASE")
    assert (found["ENGINE"], found["NAME"]) == ("tests.chaos.sqlite3", "/srv/x.sqlite3")


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("int", "30", 30),
        ("float", "2.5", 2.5),
        ("bool", "on", True),
        ("bool", "0", False),
        ("bool", "False", False),
        ("zone", "Europe/Paris", "Europe/Paris"),
        ("address", "https://panel.example/", "https://panel.example/"),
        ("addresses", "A=https://a.example/?x=1,B=http://b/", {"A": "https://a.example/?x=1", "B": "http://b/"}),
        ("log_level", "DEBUG", "DEBUG"),
    ],
)
def test_values_of_the_right_form_are_read(kind: str, value: str, read: object) -> None:
    os.environ["A_SETTING"] = value
    assert getattr(Env(), kind)("A_SETTING") == read
    os.environ["A_SETTING"] = ""
    assert getattr(Env(), kind)("A_SETTING", default=read) == read


@pytest.mark.parametrize(
    ("settings", "name"), [("panel.settings", "API_RATE_LIMIT"), ("hosting.provider.settings", "PROVIDER_SPEED")]
)
def test_command_ends_in_one_sentence(settings: str, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--settings", settings],
        cwd=ROOT,
        env={**os.environ, name: "abc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"The settings are not right: {name} must be ")
    assert done.stderr.count("\n") == 1
