"""Read public SSH keys as people paste them, and say what is wrong with others. Pure.

Source: the formats of OpenSSH, which `cryptography` reads, and of them the types that the API takes
(docs/provider-api.md, "SSH keys and first-boot scripts").
"""

import base64
import hashlib
import re
import warnings
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.teams import names

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
# Of the whole line, with its comment.
MOST_BYTES = 8 * 1024
LONGEST_COMMENT = 200
LEAST_RSA_BITS = 2048

# The code of the error about a private key: whoever shows the form again must not show the key.
PRIVATE = "private_key"

_PRIVATE_KEY = re.compile(r"PRIVATE KEY|PuTTY-User-Key-File|Private-Lines", re.IGNORECASE)
_NO_KEY = _("That isn't a public key. Paste the line of a .pub file, such as “ssh-ed25519 AAAA…”.")


@dataclass(frozen=True)
class PublicKey:
    """A public key: its type, itself in base64, its comment, and its fingerprint as `ssh-keygen -l` prints it."""

    kind: str
    body: str
    comment: str

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(f"{self.kind} {self.body}")


def fingerprint_of(line: str) -> str:
    """The fingerprint of a valid line."""
    digest = hashlib.sha256(base64.b64decode(line.split(" ", 2)[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def read(text: str) -> PublicKey:
    """The key on the one line of a text.

    Raises:
        ValidationError: what to correct. It repeats nothing of the text.
    """
    if _PRIVATE_KEY.search(text):
        raise ValidationError(
            _(
                "That is a private key. Never share it, not even with us; it was not stored. Paste the public key, from"
                " the file that ends in .pub."
            ),
            code=PRIVATE,
        )
    lines = text.strip().splitlines()
    if len(lines) > 1:
        raise ValidationError(_("Paste one public key, on one line."))
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise ValidationError(_("The key is too long."))
    kind, _space, rest = (lines or [""])[0].partition(" ")
    body, _space, comment = rest.strip().partition(" ")
    if kind not in KINDS:
        raise ValidationError(_why_no_kind(text.split()))
    _require_well_formed(kind, body)
    comment = names.tidy(comment)[:LONGEST_COMMENT]
    names.visible(comment)
    return PublicKey(kind, body, comment)


def valid(text: str) -> None:
    """A validator for form fields: as `read`."""
    read(text)


def _why_no_kind(words: list[str]) -> Any:
    if not words:
        return _("Paste a public key.")
    if any(word in KINDS for word in words[1:]):
        return _("Remove what comes before the type of the key: options aren't taken.")
    if words[0] == "ssh-dss":
        return _("DSA keys are no longer secure. Use an Ed25519 key.")
    return _NO_KEY


def _require_well_formed(kind: str, body: str) -> None:
    try:
        blob = base64.b64decode(body, validate=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            key = load_ssh_public_key(f"{kind} {body}".encode())
    except (ValueError, TypeError, NotImplementedError, UnsupportedAlgorithm):
        raise ValidationError(_("The key is incomplete or damaged. Copy the whole line again.")) from None
    if base64.b64encode(blob).decode() != body:
        raise ValidationError(_("The key is incomplete or damaged. Copy the whole line again."))
    if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise ValidationError(_("This RSA key is too short. Use one of 2048 bits or more, or an Ed25519 key."))
