"""Adapters for django-allauth: who may sign up, how failed sign-ins are counted, and which secrets are sealed."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.internal import ratelimit
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.accounts.sealing import seal, unseal
from hosting.teams.models import User
from hosting.teams.panel_url import panel_url
from hosting.web.access import devices, mail_budget
from hosting.web.access.origin import client_address
from hosting.web.answers.following import is_path


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": gettext_lazy("Wrong email address or password."),
        "incorrect_password": gettext_lazy("Wrong password. Try again."),
        "enter_current_password": gettext_lazy("Wrong password. Try again."),
        "incorrect_code": gettext_lazy("This code is wrong or has already been used. Enter the next one."),
        "too_many_login_attempts": gettext_lazy(
            "Too many failed attempts. Wait five minutes, use a passkey, or reset your password."
        ),
        "rate_limited": gettext_lazy("Too many attempts. Wait a few minutes, then try again."),
        "duplicate_email": gettext_lazy("This is already your address, or it is waiting to be confirmed."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether anybody may sign up. Invited people don't need this: they join on the page of their invitation."""
        return bool(settings.SIGN_UP == "open")

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address by which allauth counts, and which it stores with sessions."""
        return client_address(request)

    def is_safe_url(self, url: str) -> bool:
        """Whether `next` may lead there. allauth would allow every name in `ALLOWED_HOSTS`, ports and plain HTTP."""
        return is_path(url)

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Return False: allauth would store posted data in the session. `@reauthenticated` does this instead."""
        return False

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        words = {
            "reauthenticate": _("Use your password"),
            "mfa_reauthenticate": _("Use a code"),
            "mfa_reauthenticate:webauthn": _("Use a passkey"),
        }
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [{**way, "description": words[way["id"]]} for way in ways]

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send a mail within the budget of the person who causes it (`mail_budget`). Its links begin with `PANEL_URL`:
        allauth builds them from the request's Host header.
        """
        if not mail_budget.count(self.request) and template_prefix in _ON_REQUEST:
            return
        links = {**context, "reset_url": reverse("account_reset_password")}
        links = {name: panel_url(link) for name, link in links.items() if name.endswith("_url")}
        super().send_mail(template_prefix, email, {**context, **links, "panel": settings.PANEL_URL})

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt before the password is checked; allauth uncounts it when the password is right.

        Raises:
            ValidationError: too many failed attempts.
        """
        action, key = _count_of(request, credentials["email"])
        self._login_failed_rl_usage = ratelimit.consume(request, app="allauth.account", action=action, key=key)
        if not self._login_failed_rl_usage:
            raise self.validation_error("too_many_login_attempts")

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """Do nothing: a person who sets a new password has a separate count in that browser (`devices`)."""

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        devices.remember(request, response, user)
        return response

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirm an address. False when somebody else has signed up with it meanwhile, confirmed or not."""
        if User.objects.exclude(pk=email_address.user_id).filter(email=email_address.email).exists():
            self.add_message(
                request,
                messages.ERROR,
                "account/messages/email_confirmation_failed.txt",
                {"email": email_address.email},
            )
            return False
        return bool(super().confirm_email(request, email_address))


# Mails to an address that somebody has typed. All others tell people about their own security, and are always sent.
_ON_REQUEST = frozenset(
    f"account/email/{name}"
    for name in (
        "account_already_exists",
        "email_confirmation",
        "email_confirmation_signup",
        "password_reset_key",
        "unknown_account",
    )
)


def _count_of(request: HttpRequest, email: str) -> tuple[str, str]:
    """The rate limit that an attempt counts against, and its key: see `devices`."""
    if device := devices.known_device(request, email):
        return "login_failed_here", device
    if request.user.is_authenticated:
        return "login_failed_here", f"signed-in:{request.user.pk}"
    return "login_failed", email.lower()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seals the keys of authenticator apps and recovery codes."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": AccountAdapter.error_messages["incorrect_code"],
        "cannot_generate_recovery_codes": gettext_lazy("Set up an authenticator app or a passkey first."),
    }

    def encrypt(self, text: str) -> str:
        return seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        return unseal(encrypted_text)

    def _get_site_name(self) -> str:
        return "Sharedeck"

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:  # noqa: A002
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return _("Passkey %(number)s") % {"number": number}
