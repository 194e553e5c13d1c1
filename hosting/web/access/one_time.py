"""What works once: codes of authenticator apps, and links that set a password.

Recovery codes, invitations and links that confirm an address are used up in the rows that they belong to.
"""

from allauth.account.forms import default_token_generator
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from django.db import transaction

from hosting.teams.models import User

# In the data of an authenticator app: the time step of the last code that was accepted.
_LAST_STEP = "last_step"


class UsedError(Exception):
    """It was used before."""


@transaction.atomic
def spend_code(app: Authenticator, code: str) -> bool:
    """Use up a code that the app shows now. False when it, or a later one, was used before (RFC 6238, section 5.2).

    The time step is kept with the app's key: a cache may forget it.
    """
    app = Authenticator.objects.select_for_update(no_key=True).get(pk=app.pk)
    step = _step_of(decrypt(app.data["secret"]), code)
    if step is None or step <= app.data.get(_LAST_STEP, -1):
        return False
    app.data[_LAST_STEP] = step
    app.save(update_fields=["data"])
    return True


@transaction.atomic
def spend_reset_link(user: User, key: str, password: str) -> None:
    """Set the password that somebody has chosen behind a link.

    Raises:
        UsedError: the link was used before.
    """
    user = User.objects.select_for_update(no_key=True).get(pk=user.pk)
    # The key is derived from the password, so the new one ends it.
    if not default_token_generator.check_token(user, key):
        raise UsedError
    user.set_password(password)
    user.save(update_fields=["password"])


def _step_of(secret: str, code: str) -> int | None:
    """The time step whose code this is, among those that are accepted now."""
    steps: list[int] = list(yield_hotp_counters_from_time())
    shown = ((step, format_hotp_value(hotp_value(secret, step))) for step in steps)
    return next((step for step, expected in shown if compare_user_code(actual=code, expected=expected)), None)
