"""Names that people give, tidied for reading."""

import unicodedata


def tidy(name: str) -> str:
    """The name as it is shown: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())
