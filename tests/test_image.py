"""What gets into the container image: what the Dockerfile copies by name, and no secret."""

import re
import tomllib
from pathlib import Path, PurePosixPath

import pytest

from tests.processes import ROOT

IGNORED = [
    line
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SECRETS = [
    ".env",
    ".env.production",
    "env",
    "var/env",
    "var/panel.sqlite3",
    "var/mail/1.log",
    "secrets/seal_keys",
    "docker-compose.override.yml",
    "panel.sql",
    "id_rsa",
    ".git/config",
    "panel/.env",
    "hosting/provider/env",
    "hosting/panel.sqlite3-wal",
]


def copied() -> set[str]:
    """The sources of the Dockerfile's COPY lines, but those of other stages."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1] if not source.startswith("--")}


def is_sent(path: str) -> bool:
    """Whether Docker gets the file: of the patterns that match it or a directory above, the last one decides."""
    sent = True
    parents = [str(each) for each in (PurePosixPath(path), *PurePosixPath(path).parents) if str(each) != "."]
    for line in IGNORED:
        pattern = line.removeprefix("!")
        if any(re.fullmatch(_as_regex(pattern), each) for each in parents):
            sent = line.startswith("!")
    return sent


def _as_regex(pattern: str) -> str:
    parts = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.sub(r"\*\*/|\*\*|\*|[^*]+", lambda found: parts.get(found[0]) or re.escape(found[0]), pattern)


def test_docker_gets_what_the_dockerfile_copies_and_nothing_else() -> None:
    assert IGNORED[0] == "*"
    assert {line.removeprefix("!") for line in IGNORED if line.startswith("!")} == copied()
    assert "." not in copied()
    for source in copied():
        assert (ROOT / source).exists()
        assert is_sent(source)


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_gets_into_the_image(secret: str) -> None:
    assert not is_sent(secret)


def test_all_code_gets_into_the_image() -> None:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    for package in packages["root_packages"]:
        files = [file for file in Path(ROOT, package).rglob("*") if file.is_file() and file.suffix != ".pyc"]
        assert files
        assert [file for file in files if not is_sent(str(file.relative_to(ROOT)))] == []


def test_secrets_are_not_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".env", ".env.*", "/var"} <= set(ignored)
