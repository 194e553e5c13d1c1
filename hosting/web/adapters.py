from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts of people are made by invitation or by `manage.py`, not by whoever finds the address."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
