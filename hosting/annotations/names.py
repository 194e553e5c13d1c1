"""Compare the names of tags and views without regard to case."""

import unicodedata

from hosting.teams.names import tidy


def key_of(name: str) -> str:
    """A key that is equal for names which look the same to a reader; at most 160 characters."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", tidy(name)).casefold())[:160]
