"""The forms of django-allauth with the panel's labels, and the profile form."""

from typing import Any

from allauth.account import forms as account
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as mfa
from allauth.mfa.totp import forms as totp
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from allauth.mfa.webauthn import forms as passkeys
from django import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hosting.accounts.sealing import UnreadableSecretError, seal, unseal
from hosting.teams.models import User
from hosting.web.access import mail_budget, one_time, sign_in_audit
from hosting.web.forms.base import KeptForm
from hosting.web.forms.emails import take_addresses
from hosting.web.forms.errors import PlainErrors
from hosting.web.forms.names import NameField, PersonNameField

LONGEST_PASSKEY_NAME = 100
_CODE = {"inputmode": "numeric", "autocomplete": "one-time-code"}


class ProfileForm(KeptForm, forms.ModelForm):  # type: ignore[type-arg]
    name = PersonNameField(
        label=_("Name"),
        required=False,
        help_text=_("Shown to others in your teams. If empty, they see your email address."),
    )

    class Meta:
        model = User
        fields = ["name"]


def _reword(form: forms.Form, **labels: Any) -> None:
    """Set the labels of fields, drop placeholders that repeat them, and take addresses by the panel's rule."""
    for name, label in labels.items():
        if name in form.fields:
            form.fields[name].label = label
            form.fields[name].widget.attrs.pop("placeholder", None)
            take_addresses(form.fields[name])


class CausesMail(PlainErrors):
    """A form that sends a mail: it says so when the day's mails are used up, whatever is typed into it."""

    def clean(self) -> dict[str, Any]:
        if words := mail_budget.refuse(context.request):
            raise forms.ValidationError(words)
        data: dict[str, Any] = super().clean() or self.cleaned_data
        return data


class LoginForm(PlainErrors, account.LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, login=_("Email"), password=_("Password"))


class SignupForm(CausesMail, account.SignupForm):  # type: ignore[misc]
    field_order = ["name", "email", "password1", "password2"]
    name = PersonNameField(label=_("Name"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, email=_("Email"), password1=_("Password"), password2=_("Confirm password"))

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            # Hash the password as for an unknown address, so that the response time does not reveal known addresses.
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.save(update_fields=["name"])


class ResetPasswordForm(CausesMail, account.ResetPasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, email=_("Email"))


class ResetPasswordKeyForm(PlainErrors, account.ResetPasswordKeyForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, password1=_("New password"), password2=_("Confirm new password"))

    def save(self) -> None:
        """Set the new password.

        Raises:
            UsedError: the link was used while this form was open.
        """
        one_time.spend_reset_link(self.user, self.temp_key, self.cleaned_data["password1"])


class ChangePasswordForm(PlainErrors, account.ChangePasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(
            self,
            oldpassword=_("Current password"),
            password1=_("New password"),
            password2=_("Confirm new password"),
        )

    def clean_oldpassword(self) -> str:
        try:
            given: str = super().clean_oldpassword()
        except forms.ValidationError:
            sign_in_audit.record_wrong_password(context.request, self.user)
            raise
        return given


class SetPasswordForm(PlainErrors, account.SetPasswordForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, password1=_("New password"), password2=_("Confirm new password"))


class AddEmailForm(CausesMail, account.AddEmailForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, email=_("New address"))


class ReauthenticateForm(PlainErrors, account.ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, password=_("Password"))


class _OneTimeCode(PlainErrors, mfa.BaseAuthenticateForm):  # type: ignore[misc]
    """Accepts each code of an authenticator app once, the one that activated it included."""

    def clean_code(self) -> str:
        code: str = super().clean_code()
        app = self.authenticator
        if app.type == app.Type.TOTP and not one_time.spend_code(app, code):
            self._emit_authentication_failed(app)
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_OneTimeCode, mfa.AuthenticateForm):  # type: ignore[misc]
    """The second factor: a code of the app, or a recovery code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, code=_("Code"))
        self.fields["code"].widget.attrs.update(_CODE)
        self.fields["code"].help_text = _(
            "The six-digit code from your authenticator app, or one of your recovery codes."
        )


class ReauthenticateByCodeForm(_OneTimeCode, mfa.ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _reword(self, code=_("Code"))
        self.fields["code"].widget.attrs.update(_CODE)
        self.fields["code"].help_text = _(
            "The six-digit code from your authenticator app, or one of your recovery codes."
        )


class ActivateTOTPForm(PlainErrors, totp.ActivateTOTPForm):  # type: ignore[misc]
    """Keeps the new key sealed in the session until a first code shows that the app has it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session = context.request.session
        try:
            kept = unseal(session.pop(SECRET_SESSION_KEY, ""))
        except UnreadableSecretError:
            kept = ""
        if kept:
            session[SECRET_SESSION_KEY] = kept
        super().__init__(*args, **kwargs)
        session[SECRET_SESSION_KEY] = seal(self.secret)
        _reword(self, code=_("Code"))
        self.fields["code"].widget.attrs.update(_CODE)
        self.fields["code"].help_text = _("The six-digit code shown in the app.")

    @property
    def spaced_secret(self) -> str:
        """The key in groups of four, to be typed."""
        return " ".join(self.secret[start : start + 4] for start in range(0, len(self.secret), 4))


class AddPasskeyForm(PlainErrors, passkeys.AddWebAuthnForm):  # type: ignore[misc]
    name = NameField(
        label=_("Name"),
        required=False,
        max_length=LONGEST_PASSKEY_NAME,
        help_text=_("A name to recognize this passkey, such as the device."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].label = _("Sign in without a password")
        self.fields["passwordless"].initial = True
        self.fields["passwordless"].help_text = _(
            "The passkey replaces your password and code, and asks for your fingerprint, face"
            " or PIN. When off, it is your second step after the password."
        )

    def clean_credential(self) -> dict[str, Any]:
        """The credential of the browser. Rejects an empty one, which allauth would accept as a second factor."""
        credential = self.cleaned_data["credential"]
        if not isinstance(credential, dict) or not credential:
            raise get_adapter().validation_error("incorrect_code")
        return credential


class EditPasskeyForm(PlainErrors, passkeys.EditWebAuthnForm):  # type: ignore[misc]
    name = NameField(label=_("Name"), max_length=LONGEST_PASSKEY_NAME)
