"""docs/settings.md lists every setting that exists, and no other."""

import re
from pathlib import Path

from tests.processes import ROOT

ROOMS = [ROOT / "panel", ROOT / "hosting" / "provider"]
SOURCES = [file for room in ROOMS for file in (*room.glob("*settings.py"), room / "serving.py")]


def settings_read(*files: Path) -> set[str]:
    """Names of the environment variables that the files read."""
    call = re.compile(r'\b(?:env|env\.\w+|environ\.get)\(\s*["\'](\w+)["\']')
    return {name for file in files for name in call.findall(file.read_text())}


def make_variables() -> set[str]:
    """Names of the variables that the Makefile lets its caller set for `make run`."""
    makefile = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^(\w+) \?=", makefile, re.MULTILINE)) | set(re.findall(r"\$\(if \$\((\w+)\)", makefile))


def settings_documented() -> list[str]:
    """The first column of the tables of docs/settings.md."""
    page = (ROOT / "docs" / "settings.md").read_text()
    return re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)


def test_every_setting_is_documented() -> None:
    read = settings_read(*SOURCES)
    # The search itself works.
    assert {"DEBUG", "SECRET_KEY", "BUNDLED_PROVIDER_URL", "PROVIDER_PORT", "WEB_WORKERS"} <= read
    assert read - set(settings_documented()) == set()


def test_every_documented_setting_exists_once() -> None:
    documented = settings_documented()
    known = settings_read(*SOURCES) | make_variables() | {"VAR_DIR"}
    assert set(documented) - known == set()
    assert len(documented) == len(set(documented))
