"""Encrypt what a VM gets at its first boot, with the project's key, until its driver has it."""

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings


def _fernet() -> Fernet:
    key = hashlib.sha256(b"provider.sealing" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def seal(secret: str) -> str:
    return _fernet().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret, or the empty string for an empty seal."""
    return _fernet().decrypt(sealed).decode() if sealed else ""
