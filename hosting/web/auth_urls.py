"""Addresses for signing in and for the security settings of a person: the views of django-allauth that are used.

They are listed one by one, so that every page that changes something goes through `framed`.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from django.urls import path, re_path
from django.views.decorators.http import require_safe

from hosting.web.pages.profile import card, framed
from hosting.web.views import profile, sign_in

signing_in = [
    path("login/", sign_in.Login.as_view(), name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("signup/", account.signup, name="account_signup"),
    path("confirm-email/", account.email_verification_sent, name="account_email_verification_sent"),
    re_path(r"^confirm-email/(?P<key>[-:\w]+)/$", sign_in.ConfirmEmail.as_view(), name="account_confirm_email"),
    path("password/reset/", sign_in.PasswordReset.as_view(), name="account_reset_password"),
    path("password/reset/done/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        sign_in.PasswordResetFromKey.as_view(),
        name="account_reset_password_from_key",
    ),
    path("password/reset/key/done/", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/webauthn/login/", passkeys.login_webauthn, name="mfa_login_webauthn"),
]

proving = [
    path("reauthenticate/", card(account.reauthenticate), name="account_reauthenticate"),
    path("2fa/reauthenticate/", card(mfa.reauthenticate), name="mfa_reauthenticate"),
    path(
        "2fa/webauthn/reauthenticate/",
        card(sign_in.ReauthenticateByPasskey.as_view()),
        name="mfa_reauthenticate_webauthn",
    ),
]

own = [
    path("email/", framed(sign_in.Email.as_view(), "profile"), name="account_email"),
    # Not `sensitive`: the form itself asks for the old password.
    path(
        "password/change/",
        framed(account.password_change, "password", sensitive=False),
        name="account_change_password",
    ),
    path("password/set/", framed(account.password_set, "password"), name="account_set_password"),
    path("2fa/", require_safe(framed(mfa.index, "factors", sensitive=False)), name="mfa_index"),
    path("2fa/totp/activate/", framed(sign_in.ActivateTOTP.as_view(), "factors", mails=True), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", framed(totp.deactivate_totp, "factors", mails=True), name="mfa_deactivate_totp"),
    path(
        "2fa/recovery-codes/",
        require_safe(framed(codes.view_recovery_codes, "factors")),
        name="mfa_view_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/generate/",
        framed(codes.generate_recovery_codes, "factors", mails=True),
        name="mfa_generate_recovery_codes",
    ),
    path("2fa/webauthn/", require_safe(framed(mfa.index, "factors", sensitive=False)), name="mfa_list_webauthn"),
    path("2fa/webauthn/add/", framed(passkeys.add_webauthn, "factors", mails=True), name="mfa_add_webauthn"),
    path("2fa/webauthn/keys/<number:pk>/edit/", framed(passkeys.edit_webauthn, "factors"), name="mfa_edit_webauthn"),
    path(
        "2fa/webauthn/keys/<number:pk>/remove/",
        framed(passkeys.remove_webauthn, "factors", mails=True),
        name="mfa_remove_webauthn",
    ),
    path("sessions/", profile.sessions, name="usersessions_list"),
    path("sessions/others/end/", profile.end_others, name="sessions_end_others"),
    path("sessions/<number:session_id>/end/", profile.end_session, name="session_end"),
]

urlpatterns = [*signing_in, *proving, *own]
