"""The sign-in of the provider's staff at `/admin/`, with a limit for guesses.

The limit counts wrong passwords from one address, for one name and for all together. Nobody can lock somebody out who
signs in from another address.
"""

import logging
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from hosting.provider.endpoint.address import address_of
from hosting.provider.endpoint.logins import in_line
from hosting.provider.endpoint.rate_limit import TooManyError, WrongPasswords
from hosting.provider.rules import values

log = logging.getLogger(__name__)


class StaffSignIn(AdminAuthenticationForm):
    """Name and password. A refused sign-in is one line in the log, without the name: people type passwords there."""

    def clean(self) -> dict[str, Any]:
        address = address_of(self.request) if self.request else ""
        wrong = (
            WrongPasswords("staff", address, self.cleaned_data.get("username") or ""),
            WrongPasswords("staff", address, most=values.WRONG_STAFF_PASSWORDS_MAX),
        )
        try:
            with in_line():
                for each in wrong:
                    each.check()
                try:
                    return super().clean()
                except ValidationError:
                    for each in wrong:
                        each.count()
                    log.warning("staff sign-in refused from %s: wrong name or password", address or "nowhere")
                    raise
        except TooManyError as refusal:
            log.warning("staff sign-in refused from %s: too many attempts", address or "nowhere")
            words = f"Too many attempts. Try again in {refusal.retry_after_s} s."
            raise ValidationError(words, code="too_many") from None
