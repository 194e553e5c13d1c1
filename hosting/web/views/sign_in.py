"""Views of django-allauth that the panel extends."""

from typing import Any

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.decorators import rate_limit
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.decorators import method_decorator

from hosting.web.access import devices, mail_budget, one_time, sign_in_audit


class Login(account.LoginView):  # type: ignore[misc]
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**kwargs),
            "may_sign_up": get_adapter(self.request).is_open_for_signup(self.request),
        }


class PasswordReset(account.PasswordResetView):  # type: ignore[misc]
    """Limits mails to one address. The response stays the same, and links that were sent keep working."""

    def form_valid(self, form: Any) -> HttpResponse:
        limited: HttpResponse | None = ratelimit.consume_or_429(self.request, action="reset_password")
        if limited:
            return limited
        if ratelimit.consume(self.request, action="reset_mail", key=form.cleaned_data["email"]):
            form.save(self.request)
        return HttpResponseRedirect(self.get_success_url())


class PasswordResetFromKey(account.PasswordResetFromKeyView):  # type: ignore[misc]
    """Marks this browser as known to the person, so that guesses by others don't block their next sign-in."""

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().form_valid(form)
        except one_time.UsedError:
            unusable: HttpResponse = self.render_to_response(self.get_context_data(token_fail=True))
            return unusable
        devices.remember(self.request, response, self.reset_user)
        return response


class Email(account.EmailView):  # type: ignore[misc]
    """Sends no confirmation again when the day's mails are used up. The form for a new address says so itself."""

    def _action_send(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse | None:
        if words := mail_budget.refuse(request):
            messages.error(request, words)
            return None
        response: HttpResponse | None = super()._action_send(request, *args, **kwargs)
        return response


@method_decorator(rate_limit(action="confirm_link"), name="post")
class ConfirmEmail(account.ConfirmEmailView):  # type: ignore[misc]
    pass


class ActivateTOTP(totp.ActivateTOTPView):  # type: ignore[misc]
    """Uses up the code that activates an authenticator app, so that it does not sign in as well."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response: HttpResponse = super().form_valid(form)
            app = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
            one_time.spend_code(app, form.cleaned_data["code"])
        return response


class ReauthenticateByPasskey(passkeys.ReauthenticateWebAuthnView):  # type: ignore[misc]
    """Shows errors on the page itself, which keeps the address to return to."""

    def form_invalid(self, form: Any) -> HttpResponse:
        sign_in_audit.record_failed_factor(self.request, self.request.user, Authenticator.Type.WEBAUTHN)
        response: HttpResponse = self.render_to_response(self.get_context_data(form=form))
        return response
