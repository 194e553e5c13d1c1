"""What the panel decides for django-allauth: who may sign up, and how secrets of second factors are kept."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from hosting.accounts.sealing import seal, unseal


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts of people are made by invitation or by `manage.py`, not by whoever finds the address."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Never by allauth, which would keep what was posted in the session: `proof.proven` asks instead."""
        return False


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Keys of authenticator apps and recovery codes are sealed."""

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)
