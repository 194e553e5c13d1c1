"""Secrets at rest: Fernet with the keys of `SEAL_KEYS`. The first key seals; every key opens, so keys can rotate."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class UnreadableSecretError(Exception):
    """A sealed secret was sealed with a key that is not in `SEAL_KEYS` any more, or was altered."""


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SEAL_KEYS])


def seal(secret: str) -> str:
    """Encrypt `secret` for the database or Redis; the empty string stays empty."""
    return _fernet().encrypt(secret.encode()).decode() if secret else ""


def unseal(sealed: str) -> str:
    """Decrypt what `seal` gave.

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
    """What was sealed with a later key of `SEAL_KEYS`, sealed with the first one; what was so already stays as it is.

    Raises:
        UnreadableSecretError: when no key of `SEAL_KEYS` opens it.
    """
    try:
        Fernet(settings.SEAL_KEYS[0]).decrypt(sealed.encode())
    except InvalidToken:
        return seal(unseal(sealed))
    return sealed
