"""Tidy and check the names that people enter."""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

# Invisible characters, and those that change the direction of text. Joiners are allowed: scripts and emoji need them.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

# Text that mail programs turn into a link.
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)


def tidy(name: str) -> str:
    """The name as pages show it: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def holds_address(name: str) -> bool:
    """Whether a name contains a web address. Mails to strangers name people and teams, and must not carry links."""
    return bool(_ADDRESS.search(name))


def of_person(name: str) -> None:
    """Check a person's name. It appears in the audit log and in mails to strangers, so it must not deceive.

    Raises:
        ValidationError: the name contains invisible characters or a web address, or is "Sharedeck".
    """
    if _UNSEEN.search(name):
        raise ValidationError(_("Control characters aren't allowed here."))
    if holds_address(name):
        raise ValidationError(_("A name can't contain a web address."))
    if unicodedata.normalize("NFKC", name).strip().casefold() == "sharedeck":
        raise ValidationError(_("That's the name of this panel. Choose another name."))
