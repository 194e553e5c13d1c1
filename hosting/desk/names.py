"""Names that people give: tidied for reading, and compared without regard to case."""

import unicodedata


def tidy(name: str) -> str:
    """The name as it is shown: composed characters, single spaces."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def key_of(name: str) -> str:
    """What two names that are the same to a reader have in common. At most 160 characters of it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", tidy(name)).casefold())[:160]
