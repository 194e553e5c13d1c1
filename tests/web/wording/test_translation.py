"""French is complete: every text has a translation that keeps its placeholders, and the compiled file is current."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from tests import factories

FRENCH = Path(settings.LOCALE_PATHS[0]) / "fr" / "LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")


def entries() -> list[dict[str, str]]:
    """The messages of the French file: `msgid`, `msgstr` and so on by keyword."""
    found = []
    for block in (FRENCH / "django.po").read_text(encoding="utf-8").split("\n\n")[1:]:
        entry: dict[str, str] = {}
        keyword = ""
        for line in block.splitlines():
            if line.startswith("#"):
                assert "fuzzy" not in line
                continue
            name, _, text = line.partition(" ") if not line.startswith('"') else (keyword, "", line)
            keyword = name
            entry[keyword] = entry.get(keyword, "") + ast.literal_eval(text)
        found.append(entry)
    return found


def test_every_text_has_a_translation_with_the_same_placeholders() -> None:
    for entry in entries():
        for keyword, text in entry.items():
            if keyword.startswith("msgstr"):
                assert text, entry["msgid"]
                original = entry["msgid"] if keyword in {"msgstr", "msgstr[0]"} else entry["msgid_plural"]
                assert sorted(PLACEHOLDER.findall(text)) == sorted(PLACEHOLDER.findall(original)), entry["msgid"]


def test_compiled_french_catalogue_is_current() -> None:
    with (FRENCH / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in entries():
        if "msgid_plural" in entry:
            assert compiled.ngettext(entry["msgid"], entry["msgid_plural"], 2) == entry["msgstr[1]"]
        else:
            assert compiled.gettext(entry["msgid"]) == entry["msgstr"]


@pytest.mark.parametrize("name", ["dashboard", "servers", "disks", "shares", "operations", "changes", "server_new"])
def test_page_uses_the_chosen_language(browser: Client, account: Account, name: str) -> None:
    factories.vm(account)
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    page = browser.get(reverse(name, args=[account.pk])).content.decode()
    assert '<html lang="fr">' in page
    assert "Tableau de bord" in page
    assert "Dashboard" not in page
