"""The panel uses one plain word for one thing: words that were given up do not come back into texts."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.wording.test_translation import entries

ROOT = Path(__file__).resolve().parents[3]
GETTEXT = {
    "_",
    "gettext",
    "gettext_lazy",
    "gettext_noop",
    "ngettext",
    "ngettext_lazy",
    "npgettext",
    "npgettext_lazy",
    "pgettext",
    "pgettext_lazy",
}
# A pattern that no text may match, and what to write instead.
GIVEN_UP = {
    r"\btrails?\b": "audit log",
    r"\bceilings?\b": "spending limit",
    r"\bdesks?\b": "workspace, annotations",
    r"\baskers?\b": "requested by",
    r"\bwish(es)?\b": "operation",
    r"\blapses?\b": "ends",
    r"\b(asked|made) by\b": "requested by, created by",
    r"\bask(ed)? (for )?(again|anew)\b": "retry",
    r"\basked for\b|\basked for:": "requested",
    r"\bwas asked\b": "requested",
    r"\boutside (sharedeck|changes?)\b": "external",
    r"\bput\b.*\baside\b": "dismiss",
    r"\btake (it|this) back\b|\btaken back\b": "withdraw",
    r"\b(vanished|appeared)\b": "added, removed",
    r"^(?!.*mail).*\bon (its|their) way\b": "pending",
    r"\bwaiting its turn\b": "queued",
    r"\bnever arrived\b": "not seen at the provider",
    r"\bnot done\b": "failed",
    r"\bmany at once\b|\bchange of many\b": "bulk action",
    r"\b(make|made) (the|a|an|new) (token|tag|plan|team|api)\b": "create",
    r"\bwhoever\b": "the member who …",
    r"^who is\b|\bwho is invited\b": "name the person",
    r"\bis it you\b|\bthat it is you\b": "confirm it's you",
    r"\bsecond factors?\b": "two-factor authentication",
    r"^to the panel$": "go to dashboard",
    r"\bmay not do that\b": "you don't have permission",
    r"\bmakes no sense\b": "invalid request",
    r"\babandon(ed)?\b": "discard",
    r"\broles? holds? for\b|^holds for$": "access to",
    r"\blink works (for|until)\b": "link expires",
    r"\bbelong to nobody\b": "team tokens keep working when their creator leaves",
    r"\bneeds you\b": "you're all caught up",
    r"\bwhat fits\b|\bservers? still fits?\b": "capacity planner",
    r"\bgo(es)? away for good\b": "deleted permanently",
    r"\bread it through\b": "review",
    r"\btake off\b|\bput on all\b": "add tag, remove tag",
    r"\bforgets it\b": "not stored after sending",
}


def in_python() -> Iterator[tuple[str, str]]:
    """Each text that Python code marks for translation, with its place."""
    for path in sorted((ROOT / "hosting").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = {each.asname or each.name: each.name for node in imported for each in node.names}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name | ast.Attribute):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if names.get(called, called) in GETTEXT:
                texts = [each for argument in node.args for each in ast.walk(argument)]
                for text in texts:
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        yield f"{path.relative_to(ROOT)}:{text.lineno}", text.value


def in_templates() -> Iterator[tuple[str, str]]:
    """Each text that templates mark for translation, with its place."""
    short = re.compile(r"""\{%\s*trans(?:late)?\s+(?:"([^"]*)"|'([^']*)')|_\("([^"]*)"\)""")
    block = re.compile(r"\{%\s*blocktrans(?:late)?\b.*?%\}(.*?)\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL)
    for path in sorted((ROOT / "templates").rglob("*.*")):
        source = path.read_text(encoding="utf-8")
        for pattern in (short, block):
            for found in pattern.finditer(source):
                line = source.count("\n", 0, found.start()) + 1
                text = next(group for group in found.groups() if group is not None)
                yield f"{path.relative_to(ROOT)}:{line}", " ".join(text.split())


def in_catalogue() -> Iterator[tuple[str, str]]:
    """Each English text of the French catalogue."""
    for entry in entries():
        for keyword in ("msgid", "msgid_plural"):
            if keyword in entry:
                yield "django.po", entry[keyword]


@pytest.mark.parametrize("source", [in_python, in_templates, in_catalogue])
def test_words_that_were_given_up_do_not_come_back(source: object) -> None:
    assert callable(source)
    texts = list(source())
    assert len(texts) > 300
    found = [
        f"{place}: {text!r} (write: {better})"
        for place, text in texts
        for pattern, better in GIVEN_UP.items()
        if re.search(pattern, text, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["Change", "Login", "Invalid request", "Requested by", "Ask an owner of the team.", "Release product"]
)
def test_ordinary_words_pass(text: str) -> None:
    assert not [pattern for pattern in GIVEN_UP if re.search(pattern, text, re.IGNORECASE)]
