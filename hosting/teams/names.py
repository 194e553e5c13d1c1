"""Names that people give, tidied for reading."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# What nobody sees, or what turns the direction of the text around it. Joiners stay: scripts and emoji need them.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

# What mail programs make a link of.
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)


def tidy(name: str) -> str:
    """The name as it is shown: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def holds_address(name: str) -> bool:
    """Whether a name leads somewhere: people and teams are named in mails to strangers."""
    return bool(_ADDRESS.search(name))


def of_person(name: str) -> None:
    """A person's name stands in the trail and in mails to strangers: it looks like what it is.

    Raises:
        ValidationError: it holds what nobody sees or a web address, or is the panel's own.
    """
    if _UNSEEN.search(name):
        raise ValidationError(_("Control characters aren't allowed here."))
    if holds_address(name):
        raise ValidationError(_("A name can't contain a web address."))
    if unicodedata.normalize("NFKC", name).strip().casefold() == "sharedeck":
        raise ValidationError(_("That's the name of this panel. Choose another name."))
