"""`make guest` hands on what was typed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

GIVEN = {"GUEST_USER": "admin", "GUEST_PASSWORD": 'pa$1ss "w" $(rd)', "CMD": "echo $HOME \"$(id -un)\" 'a b'"}


@pytest.mark.parametrize("on_the_command_line", [True, False], ids=["as arguments", "as environment"])
def test_passwords_and_commands_reach_the_guest_unchanged(tmp_path: Path, on_the_command_line: bool) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\nenv -0 >{tmp_path}/env\nexit 1\n")
    python.chmod(0o755)
    given = [f"{name}={value}" for name, value in GIVEN.items()] if on_the_command_line else []
    env = {**os.environ, "MAKEFLAGS": "", **({} if on_the_command_line else GIVEN)}
    subprocess.run(
        ["make", "-o", "install", "guest", "VM=1", f"PYTHON={python}", *given], cwd=ROOT, env=env, check=False
    )
    seen = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().split("\0") if line)
    assert seen["COMMAND"] == GIVEN["CMD"]
    assert {name: seen[name] for name in ("GUEST_USER", "GUEST_PASSWORD")} == {
        name: GIVEN[name] for name in ("GUEST_USER", "GUEST_PASSWORD")
    }
