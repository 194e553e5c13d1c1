"""One rule for the names and notes that people write: what they see is what is stored.

Names that are not written here, such as those of servers at the provider, are shown as they come (`bdi` in templates).
"""

import re
import unicodedata
from collections.abc import Callable, Iterable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from hosting.typed_numbers import grouped

# Characters in the name of a person.
LONGEST_OF_PERSON = 150

Check = Callable[[str], None]

# The code of a `ValidationError` whose parameters are texts from outside: pages isolate each.
QUOTE = "quote"

# Control, format, surrogate and private use characters. Nobody sees them, or everybody sees something else.
_UNSEEN = {"Cc", "Cf", "Cs", "Co"}
# The rest of Unicode's property Default_Ignorable_Code_Point, which `unicodedata` lacks, noncharacters, and a blank
# that counts as a symbol.
_IGNORABLE = re.compile(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufdd0-\ufdef\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    r"\ufffe\uffff\U000e0000-\U000e0fff]"
)
# They choose between two looks of the sign before them, and phones send them with every second emoji.
_LOOKS = re.compile(r"[\ufe0e\ufe0f]")
# More of them tell nobody more.
_MOST_NAMED = 3

# Text that mail programs turn into a link.
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)


def tidy(name: str) -> str:
    """The name as pages show it: composed characters, single spaces."""
    return " ".join(_LOOKS.sub("", unicodedata.normalize("NFC", name)).split())


def tidy_text(text: str) -> str:
    """A text of several lines: composed characters, no spaces behind a line, no empty lines around it."""
    composed = _LOOKS.sub("", unicodedata.normalize("NFC", text))
    return "\n".join(line.rstrip() for line in composed.splitlines()).strip("\n")


def visible(text: str) -> None:
    """Refuse characters that nobody can see, or that change the order of those around them, and say which.

    Raises:
        ValidationError: names them by their number and name.
    """
    unseen = dict.fromkeys(char for char in text if char not in "\t\n" and _is_unseen(char))
    if unseen:
        raise ValidationError(
            _("Control characters and invisible characters aren't allowed here. Remove %(characters)s."),
            params={"characters": ", ".join(_called(char) for char in list(unseen)[:_MOST_NAMED])},
            code="unseen",
        )


def without_unseen(text: str) -> str:
    """The text without the characters that `visible` refuses."""
    return "".join(char for char in text if char in "\t\n" or not _is_unseen(char))


def is_of_panel(name: str) -> bool:
    """Whether it is the panel's own name, however it is spaced and written."""
    letters = "".join(char for char in unicodedata.normalize("NFKD", name).casefold() if char.isalnum())
    return letters == "sharedeck"


def not_panel(name: str) -> None:
    """Refuse the panel's own name, however it is spaced and written.

    Raises:
        ValidationError: messages and audit entries would seem to come from the panel.
    """
    if is_of_panel(name):
        raise ValidationError(_("That's the name of this panel. Choose another name."))


def no_address(name: str) -> None:
    """Refuse web addresses: mails to strangers name people and teams, and must not carry links.

    Raises:
        ValidationError: the name contains one.
    """
    if _ADDRESS.search(name):
        raise ValidationError(_("A name can't contain a web address."))


# What is checked beyond `visible`, where others see the name as that of somebody who acts.
OF_ACTOR: tuple[Check, ...] = (not_panel,)
# And where mails name it.
IN_MAIL: tuple[Check, ...] = (*OF_ACTOR, no_address)


def checked(name: str, also: Iterable[Check] = (), *, most: int, blank: bool = False) -> str:
    """A name of at most `most` characters, tidied; an empty one only if it may be `blank`.

    Raises:
        ValidationError: it is too long, has invisible characters, or one of the further checks refuses it.
    """
    name = tidy(name)
    if not (name or blank) or len(name) > most:
        raise ValidationError(_("Enter a name of 1 to %(most)d characters."), params={"most": most})
    for check in (visible, *also):
        check(name)
    return name


def checked_text(text: str, *, most: int) -> str:
    """A note or comment of at most `most` characters, tidied. It may be empty, and have several lines.

    Raises:
        ValidationError: it is too long, or has invisible characters.
    """
    text = tidy_text(text)
    if len(text) > most:
        raise ValidationError(_("Enter up to %(limit)s characters."), params={"limit": grouped(most)})
    visible(text)
    return text


def _is_unseen(char: str) -> bool:
    return unicodedata.category(char) in _UNSEEN or bool(_IGNORABLE.match(char))


def _called(char: str) -> str:
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".strip()
