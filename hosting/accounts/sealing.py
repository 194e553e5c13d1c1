"""Encryption of stored secrets: Fernet with the keys in `SEAL_KEYS`. The first key encrypts, all keys decrypt, so keys
can rotate.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableSecretError(Exception):
    """A secret was sealed with a key that is no longer in `SEAL_KEYS`, or was altered."""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEAL_KEYS])


def seal(secret: str) -> str:
    """Encrypt `secret` for the database or Redis; the empty string stays empty."""
    return _fernet().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Decrypt a secret that `seal` encrypted.

    Raises:
        UnreadableSecretError: when no key of `SEAL_KEYS` opens it.
    """
    if not sealed:
        return ""
    try:
        return _fernet().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UnreadableSecretError from None


def reseal(sealed: str) -> str:
    """Re-encrypt a secret with the first key of `SEAL_KEYS`; one that uses that key already is returned unchanged.

    Raises:
        UnreadableSecretError: when no key of `SEAL_KEYS` opens it.
    """
    try:
        Fernet(settings.SEAL_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed
