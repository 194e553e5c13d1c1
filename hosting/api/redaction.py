"""Remove secrets from external text."""

import html
import json
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "…"


def scrub(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of `secrets`, also where a server quoted or escaped them; longer ones first."""
    forms: set[str] = set()
    for secret in secrets:
        forms |= {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
        forms |= {html.escape(secret), html.escape(secret, quote=False)}
        forms |= {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    for form in sorted(forms - {""}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text
