"""Names that people give: compared without regard to case."""

import unicodedata

from hosting.teams.names import tidy


def key_of(name: str) -> str:
    """What two names that are the same to a reader have in common. At most 160 characters of it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", tidy(name)).casefold())[:160]
