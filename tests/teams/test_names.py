"""The rule for names: what people see is what is stored, and nobody is called like the panel."""

from functools import partial

import pytest
from django.core.exceptions import ValidationError

from hosting.teams import names

UNSEEN = {
    "\u202e": "U+202E RIGHT-TO-LEFT OVERRIDE",
    "\u2066": "U+2066 LEFT-TO-RIGHT ISOLATE",
    "\u200b": "U+200B ZERO WIDTH SPACE",
    "\u200d": "U+200D ZERO WIDTH JOINER",
    "\u00ad": "U+00AD SOFT HYPHEN",
    "\ufeff": "U+FEFF ZERO WIDTH NO-BREAK SPACE",
    "\u3164": "U+3164 HANGUL FILLER",
    "\u115f": "U+115F HANGUL CHOSEONG FILLER",
    "\u034f": "U+034F COMBINING GRAPHEME JOINER",
    "\u2800": "U+2800 BRAILLE PATTERN BLANK",
    "\U000e0041": "U+E0041 TAG LATIN CAPITAL LETTER A",
    "\U000e0100": "U+E0100 VARIATION SELECTOR-17",
    "\x07": "U+0007",
    "\x9b": "U+009B",
    "\ud800": "U+D800",
    "\ue000": "U+E000",
    "\U0010fffd": "U+10FFFD",
    "\uffff": "U+FFFF",
}


@pytest.mark.parametrize(("char", "called"), UNSEEN.items(), ids=UNSEEN.values())
def test_unseen_characters_are_refused_by_name(char: str, called: str) -> None:
    for read in (partial(names.checked, most=9), partial(names.checked_text, most=9)):
        with pytest.raises(ValidationError) as refusal:
            read(f"a{char}b")
        assert called in refusal.value.messages[0]


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("  Ada \t Lovelace ", "Ada Lovelace"),
        ("Ada\r\nLovelace", "Ada Lovelace"),
        ("e\u0301cole", "\u00e9cole"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\u2764\ufe0f team", "\u2764 team"),
        (
            "\u05d0\u05d1\u05d2 \u0627\u0628 \u4e2d\u6587 \U0001f680",
            "\u05d0\u05d1\u05d2 \u0627\u0628 \u4e2d\u6587 \U0001f680",
        ),
    ],
)
def test_names_are_trimmed_and_composed(typed: str, stored: str) -> None:
    assert names.checked(typed, most=40) == stored
    assert names.checked(stored, most=40) == stored


def test_texts_keep_their_lines() -> None:
    assert names.checked_text("\r\n a \r\n\te\u0301\u2028b\n\n", most=40) == " a\n\t\u00e9\nb"


@pytest.mark.parametrize(
    "name",
    [
        "Sharedeck",
        "SHAREDECK",
        " share\u2009deck ",
        "S-h-a-r-e-d-e-c-k",
        "\uff33haredeck.",
        "Sh\u00e1redeck",
        "share_deck",
    ],
)
def test_nobody_is_called_like_the_panel(name: str) -> None:
    with pytest.raises(ValidationError, match="name of this panel"):
        names.checked(name, names.OF_ACTOR, most=40)
    assert names.checked(name, most=40)
    assert names.checked("Sharedeck users", names.OF_ACTOR, most=40)


@pytest.mark.parametrize("name", ["", "  ", "x" * 41])
def test_names_have_a_length(name: str) -> None:
    with pytest.raises(ValidationError, match="Enter a name of 1 to 40 characters"):
        names.checked(name, most=40)
    with pytest.raises(ValidationError, match="Enter up to 4 characters"):
        names.checked_text("x" * 5, most=4)
