"""Numbers and nouns agree, in both languages."""

import ast
import re
from collections.abc import Iterator

import pytest
from django.utils.translation import ngettext, override

from tests.web.wording.test_translation import entries
from tests.web.wording.test_vocabulary import ROOT

# A number before a noun in the plural. Limits (`most`) are constants above one, and MB has no plural.
NUMBER = r"(?:%d|%\((?!most)\w+\)d|%\((?:n|count|days|hours|missing)\)s|\{\{ (?:n|count|days|hours|missing) \}\})"
NOUN = r"(?:more |other |last |unattached )?[a-z]{2,}(?<!is)(?<!has)(?<!less)s\b"
COUNTED = re.compile(rf"{NUMBER} {NOUN}|{NUMBER} more (?:of|\w+n't)", re.IGNORECASE)
SINGULAR = {"gettext", "gettext_lazy", "gettext_noop", "pgettext", "pgettext_lazy"}


def counted_once() -> Iterator[str]:
    """Texts with a number and a noun in the plural that have no form for one."""
    for path in sorted((ROOT / "hosting").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        names = {each.asname or each.name: each.name for node in imported for each in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and names.get(node.func.id) in SINGULAR:
                for text in (each for argument in node.args for each in ast.walk(argument)):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str) and COUNTED.search(text.value):
                        yield f"{path.relative_to(ROOT)}:{text.lineno}: {text.value}"
    block = re.compile(r"\{%\s*blocktrans(?:late)?\b(.*?)%\}(.*?)\{%\s*endblocktrans(?:late)?\s*%\}", re.DOTALL)
    for path in sorted((ROOT / "templates").rglob("*.*")):
        for options, text in block.findall(path.read_text(encoding="utf-8")):
            if not re.search(r"\bcount\b", options) and COUNTED.search(text):
                yield f"{path.relative_to(ROOT)}: {text.strip()}"


def test_texts_with_a_number_have_a_form_for_one() -> None:
    found = list(counted_once())
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["%d shares are needed", "%(count)d more operations", "{{ n }} servers", "%(n)s members", "%d more of your"]
)
def test_counted_nouns_are_detected(text: str) -> None:
    assert COUNTED.search(text)


def filled(text: str, count: int) -> str:
    return re.sub(r"%\(\w+\)[ds]|%[ds]", str(count), text)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_one_is_said_in_the_singular_and_two_in_the_plural(language: str) -> None:
    counted = [entry for entry in entries() if "msgid_plural" in entry]
    assert len(counted) > 40
    for entry in counted:
        with override(language):
            one, two = (ngettext(entry["msgid"], entry["msgid_plural"], count) for count in (1, 2))
        if language == "en":
            assert (one, two) == (entry["msgid"], entry["msgid_plural"])
        assert "%" not in filled(one, 1), one
        # "Mois" is the same in both numbers, and "needs" is a verb.
        assert not re.search(r"\b1 (?!mois\b|fois\b|needs\b)[a-z\u00e0-\u00ff]+(?<!\bi)s\b", filled(one, 1)), one
