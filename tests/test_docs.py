"""The documentation leads somewhere: its links, the paths it names, and the decisions and the code behind them."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", page.read_text(encoding="utf-8"))
    links = [target.partition("#")[0] for pair in targets for target in pair if target and "://" not in target]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    assert not missing


def test_every_decision_is_in_the_index_and_named_in_the_code() -> None:
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    packages = ("hosting", "panel", "redis_connections", "safekeeping")
    code = subprocess.run(
        ["grep", "-rhoE", "docs/decisions/[0-9]{4}-[a-z-]+\\.md", *packages],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert len(DECISIONS) > 20
    for decision in DECISIONS:
        assert f"({decision.name})" in index
        assert decision.name in code
    named = set(re.findall(r"[0-9]{4}-[a-z-]+\.md", code))
    assert named == {decision.name for decision in DECISIONS}


def test_paths_named_in_contributing_exist() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    paths = re.findall(r"`((?:hosting|tests|templates|docs|panel)/[\w./]*)`", text)
    assert len(paths) > 20
    assert [path for path in paths if not (ROOT / path).exists()] == []
